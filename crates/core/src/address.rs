//! Addresses of servers, as far as page and worker have to agree on them.

/// Scheme, host and port of an address: what a key is kept by, and the only place it goes to.
pub fn origin(address: &str) -> String {
    let address = address.trim().to_ascii_lowercase();
    let Some((scheme, rest)) = address.split_once("://") else {
        return address;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_has_no_path_and_no_user() {
        assert_eq!(
            origin("HTTPS://me:pw@API.example.com:8443/v1?x#y"),
            "https://api.example.com:8443"
        );
        for address in [
            "http://localhost:11434/v1/",
            " http://LOCALHOST:11434",
            "http://localhost:11434?a",
        ] {
            assert_eq!(origin(address), "http://localhost:11434", "{address}");
        }
        assert_ne!(
            origin("https://example.com.evil.net/v1"),
            origin("https://example.com/v1")
        );
    }
}
