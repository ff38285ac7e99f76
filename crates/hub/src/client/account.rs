//! Who a token belongs to, and where it may write.

use super::text;
use seedbed_core::messages::Account;
use serde_json::Value;

/// What a fine-grained token may write to, as names of users, organisations (`acme`) and repos (`acme/seeds`). `None`
/// when the answer does not name it.
fn writable(token: &Value) -> Option<Vec<&str>> {
    let scoped = token.get("fineGrained")?.get("scoped")?.as_array()?;
    scoped
        .iter()
        .filter(|scope| may_write(scope))
        .map(|scope| scope.get("entity")?.get("name")?.as_str())
        .collect()
}

fn may_write(scope: &Value) -> bool {
    scope
        .get("permissions")
        .and_then(Value::as_array)
        .is_some_and(|list| list.iter().any(|one| one.as_str() == Some("repo.write")))
}

/// Who the answer of `whoami-v2` names, and where that person may write.
pub(super) fn account(value: &Value) -> Account {
    let name = text(value, "name");
    let token = value
        .get("auth")
        .and_then(|auth| auth.get("accessToken"))
        .cloned()
        .unwrap_or(Value::Null);
    let is_fine = token.get("role").and_then(Value::as_str) == Some("fineGrained");
    let writable = if is_fine { writable(&token) } else { None };
    let reaches = |org: &str| {
        writable.as_ref().is_none_or(|names| {
            names.iter().any(|name| {
                name.strip_prefix(org)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        })
    };
    let mut namespaces = vec![name.clone()];
    for org in value
        .get("orgs")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let (org, role) = (text(org, "name"), text(org, "roleInOrg"));
        // Readers of an organisation can't commit to its repos.
        if !matches!(role.as_str(), "read" | "no_access") && !org.is_empty() && reaches(&org) {
            namespaces.push(org);
        }
    }
    let can_write = match token.get("role").and_then(Value::as_str) {
        Some("read") => false,
        // A fine-grained token can write where one of its scopes says so.
        Some("fineGrained") => token
            .get("fineGrained")
            .is_some_and(|rights| rights.to_string().contains("repo.write")),
        _ => true,
    };
    Account {
        full_name: text(value, "fullname"),
        avatar_url: Some(text(value, "avatarUrl")).filter(|url| !url.is_empty()),
        namespaces,
        scopes: Vec::new(),
        can_write,
        name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn who(auth: Value) -> Account {
        account(&json!({
            "name": "me", "auth": auth,
            "orgs": [
                {"name": "team", "roleInOrg": "write"}, {"name": "club", "roleInOrg": "read"},
                {"name": "te", "roleInOrg": "contributor"}, {"name": "shut", "roleInOrg": "no_access"},
            ],
        }))
    }

    #[test]
    fn a_token_writes_where_its_role_says() {
        let write = who(json!({"accessToken": {"role": "write"}}));
        assert_eq!(write.namespaces, ["me", "team", "te"]);
        assert!(write.can_write);
        assert!(!who(json!({"accessToken": {"role": "read"}})).can_write);
        assert!(who(json!({"type": "oauth"})).can_write);
    }

    #[test]
    fn a_fine_grained_token_writes_where_one_of_its_scopes_says() {
        let fine = |scoped: Value| {
            who(json!({"accessToken": {"role": "fineGrained", "fineGrained": {"scoped": scoped}}}))
        };
        let team = |kind: &str, name: &str, right: &str| {
            let entity = json!({"type": kind, "name": name});
            json!({"entity": entity, "permissions": ["repo.content.read", right]})
        };
        for scope in [
            team("org", "team", "repo.write"),
            team("dataset", "team/seeds", "repo.write"),
        ] {
            let account = fine(json!([scope]));
            assert!(account.can_write);
            assert_eq!(account.namespaces, ["me", "team"]);
        }
        let account = fine(json!([team("org", "team", "discussion.write")]));
        assert!(!account.can_write);
        assert_eq!(account.namespaces, ["me"]);
        // Rights that are told in another way take nobody's organisations away.
        let account = fine(json!([{"permissions": ["repo.write"]}]));
        assert!(account.can_write);
        assert_eq!(account.namespaces, ["me", "team", "te"]);
    }
}
