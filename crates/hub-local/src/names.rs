//! Names that may come from anyone: users, repositories, branches and paths inside a repository.

/// Whether a user, organisation or repository may be called so; such a name is also safe as a folder name.
pub(crate) fn is_name(name: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty()
        && name.len() <= 96
        && name.chars().all(is_inner)
        && !name.starts_with(['-', '.'])
        && !name.ends_with(['-', '.'])
        && !name.contains("--")
        && !name.contains("..")
        && !name.to_ascii_lowercase().ends_with(".git")
}

/// Whether a branch or tag may be called so.
pub(crate) fn is_ref_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && !name.starts_with("refs/")
        && !name.contains("@{")
        && name
            .split('/')
            .all(|part| !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with(['.']))
        && !name.contains("..")
        && !name
            .chars()
            .any(|c| c.is_control() || matches!(c, ' ' | '~' | '^' | ':' | '?' | '*' | '[' | '\\'))
}

/// Whether a file in a repository may have this path.
pub(crate) fn is_file_path(path: &str) -> bool {
    path.len() <= 1024
        && !path.chars().any(char::is_control)
        && !leads_out_on_windows(path)
        && path
            .split('/')
            .all(|part| !matches!(part, "" | "." | ".." | ".git") && part.len() <= 255)
}

/// Whether a path leads out of its folder where `\` parts folders too. Elsewhere that is a letter like others.
pub(crate) fn leads_out_on_windows(path: &str) -> bool {
    path.contains('\\') && path.split(['/', '\\']).any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_a_folder_are_refused() {
        for bad in [
            "", ".", "..", "a/b", "a..b", ".hidden", "x.git", "a\\b", "a b",
        ] {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(is_name("farming-qa_2.0"));
    }

    #[test]
    fn file_paths_stay_inside_the_repository() {
        for bad in [
            "",
            "/a",
            "a/",
            "a//b",
            "../a",
            "a/../b",
            "./a",
            ".git/config",
            "a\0b",
            "..\\a",
            "a\\..\\b",
            "a/..\\b",
        ] {
            assert!(!is_file_path(bad), "{bad:?}");
        }
        for good in [
            ".gitattributes",
            ".seedbed/decisions/é/1.jsonl",
            "data/a b.jsonl",
            "a\\b",
            "a..\\b",
        ] {
            assert!(is_file_path(good), "{good}");
        }
    }

    #[test]
    fn branch_names_follow_git() {
        for bad in [
            "",
            "a b",
            "a..b",
            "/a",
            "refs/heads/a",
            "a.lock/.b",
            "-a",
            "a^",
        ] {
            assert!(!is_ref_name(bad), "{bad:?}");
        }
        assert!(is_ref_name("review/anna-1"));
    }
}
