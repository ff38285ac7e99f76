//! The body of a commit, line by line.

use crate::http::ApiError;
use crate::names::{is_file_path, leads_out_on_windows};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Line {
    key: String,
    value: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Header {
    pub(crate) summary: String,
    #[serde(default)]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) parent_commit: Option<String>,
}

#[derive(Deserialize)]
struct File {
    path: String,
    content: String,
    #[serde(default)]
    encoding: Option<String>,
}

#[derive(Deserialize)]
struct LfsFile {
    path: String,
    oid: String,
    #[serde(default)]
    size: Option<u64>,
}

#[derive(Deserialize)]
struct Deleted {
    path: String,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Operation {
    Put {
        path: String,
        content: Vec<u8>,
    },
    Lfs {
        path: String,
        oid: String,
        size: Option<u64>,
    },
    Delete {
        path: String,
    },
    DeleteFolder {
        path: String,
    },
}

/// The status for a path that no file can have.
pub(crate) fn path_status(path: &str) -> u16 {
    if leads_out_on_windows(path) { 422 } else { 400 }
}

/// Reads a whole body; what is wrong is told with the number of its line.
pub(crate) fn parse(body: &[u8]) -> Result<(Header, Vec<Operation>), ApiError> {
    fn value<T: serde::de::DeserializeOwned>(line: Line, number: usize) -> Result<T, ApiError> {
        serde_json::from_value(line.value)
            .map_err(|error| ApiError::new(400, format!("line {number}: {error}")))
    }
    let path = |path: String, number: usize| {
        if is_file_path(&path) {
            Ok(path)
        } else {
            Err(ApiError::new(
                path_status(&path),
                format!("line {number}: no file can lie at {path:?}"),
            ))
        }
    };
    let mut header = None;
    let mut operations = Vec::new();
    for (at, text) in body.split(|byte| *byte == b'\n').enumerate() {
        let number = at + 1;
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let line: Line = serde_json::from_slice(text)
            .map_err(|error| ApiError::new(400, format!("line {number}: {error}")))?;
        match (line.key.as_str(), &header) {
            ("header", None) => header = Some(value::<Header>(line, number)?),
            ("header", Some(_)) => {
                return Err(ApiError::new(
                    400,
                    format!("line {number}: a second header"),
                ));
            }
            (_, None) => return Err(ApiError::new(400, "the first line has to be the header")),
            ("file", _) => {
                let file: File = value(line, number)?;
                let content = match file.encoding.as_deref() {
                    Some("base64") => STANDARD
                        .decode(&file.content)
                        .map_err(|error| ApiError::new(400, format!("line {number}: {error}")))?,
                    None | Some("utf-8") => file.content.into_bytes(),
                    Some(other) => {
                        let message = format!("line {number}: unknown encoding {other:?}");
                        return Err(ApiError::new(400, message));
                    }
                };
                let path = path(file.path, number)?;
                operations.push(Operation::Put { path, content });
            }
            ("lfsFile", _) => {
                let file: LfsFile = value(line, number)?;
                let is_sha256 =
                    file.oid.len() == 64 && file.oid.bytes().all(|byte| byte.is_ascii_hexdigit());
                if !is_sha256 {
                    return Err(ApiError::new(
                        400,
                        format!("line {number}: oid is no SHA-256"),
                    ));
                }
                operations.push(Operation::Lfs {
                    path: path(file.path, number)?,
                    oid: file.oid.to_ascii_lowercase(),
                    size: file.size,
                });
            }
            ("deletedFile", _) => {
                let path = path(value::<Deleted>(line, number)?.path, number)?;
                operations.push(Operation::Delete { path });
            }
            ("deletedFolder", _) => {
                let deleted: Deleted = value(line, number)?;
                let path = path(deleted.path.trim_end_matches('/').to_owned(), number)?;
                operations.push(Operation::DeleteFolder { path });
            }
            (other, _) => {
                return Err(ApiError::new(
                    400,
                    format!("line {number}: unknown key {other:?}"),
                ));
            }
        }
    }
    let header = header.ok_or_else(|| ApiError::new(400, "the first line has to be the header"))?;
    if header.summary.trim().is_empty() {
        return Err(ApiError::new(400, "a commit needs a summary"));
    }
    if let Some(parent) = &header.parent_commit
        && !(matches!(parent.len(), 5..=40) && parent.bytes().all(|byte| byte.is_ascii_hexdigit()))
    {
        return Err(ApiError::new(400, "parentCommit has to be a commit id"));
    }
    Ok((header, operations))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_real_clients_are_understood_with_and_without_the_last_newline() {
        let text = concat!(
            r#"{"key":"header","value":{"summary":"pr","description":""}}"#,
            "\n",
            r#"{"key":"file","value":{"content":"eyJ4Ijo0fQo=","path":"data/pr.jsonl","encoding":"base64"}}"#,
        );
        for body in [text.to_owned(), format!("{text}\n")] {
            let (header, operations) = parse(body.as_bytes()).expect("both forms are fine");
            assert_eq!(header.summary, "pr");
            let put = Operation::Put {
                path: "data/pr.jsonl".to_owned(),
                content: b"{\"x\":4}\n".to_vec(),
            };
            assert_eq!(operations, [put]);
        }
    }

    #[test]
    fn a_malformed_line_is_refused_with_its_number() {
        let header = r#"{"key":"header","value":{"summary":"s"}}"#;
        for (second, said) in [
            ("not json", "line 2"),
            (
                r#"{"key":"file","value":{"path":"../x","content":""}}"#,
                "line 2",
            ),
            (r#"{"key":"surprise","value":{}}"#, "surprise"),
            (
                r#"{"key":"lfsFile","value":{"path":"a","oid":"12"}}"#,
                "SHA-256",
            ),
            (
                r#"{"key":"file","value":{"path":"a","content":"*","encoding":"base64"}}"#,
                "line 2",
            ),
        ] {
            let error = parse(format!("{header}\n{second}").as_bytes()).expect_err(second);
            assert_eq!(error.status, 400);
            assert!(error.message.contains(said), "{}", error.message);
        }
        assert_eq!(parse(b"").expect_err("no header").status, 400);
    }
}
