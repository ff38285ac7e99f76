//! Many changes as several commits of bounded size.

use super::Operation;

/// What one commit holds at most.
///
/// The Hub gives a commit up after a minute, advises 50 to 100 files in one, and takes about 128 commits an hour into a
/// repo: with these limits 2 GiB an hour. Memory bounds it from the other side: the request is there in base64 beside
/// what it is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitLimits {
    /// Bytes of all files together. A larger file is a commit of its own.
    pub bytes: usize,
    /// Changes.
    pub files: usize,
}

impl Default for CommitLimits {
    fn default() -> Self {
        Self {
            bytes: 16 << 20,
            files: 100,
        }
    }
}

/// Packs changes into groups, each for a commit of its own, in the order they come. Only for changes that don't need each
/// other, such as new parts of records and decisions: between two commits everybody sees the first without the second.
///
/// What is pushed may be made one by one, so that never more than a group is in memory.
#[derive(Debug, Default)]
pub struct CommitPacker {
    limits: CommitLimits,
    group: Vec<Operation>,
    bytes: usize,
}

impl CommitPacker {
    /// With these limits.
    pub fn new(limits: CommitLimits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Takes a change; gives the group that is full without it.
    pub fn push(&mut self, operation: Operation) -> Option<Vec<Operation>> {
        let size = match &operation {
            Operation::Add { bytes, .. } => bytes.len(),
            Operation::AddLarge { file, .. } => usize::try_from(file.size()).unwrap_or(usize::MAX),
            Operation::Delete { .. } | Operation::DeleteFolder { .. } => 0,
        };
        let is_full = self.group.len() >= self.limits.files
            || self.bytes.saturating_add(size) > self.limits.bytes;
        let full = (is_full && !self.group.is_empty()).then(|| {
            self.bytes = 0;
            std::mem::take(&mut self.group)
        });
        self.bytes = self.bytes.saturating_add(size);
        self.group.push(operation);
        full
    }

    /// The last group, if there is one.
    pub fn finish(self) -> Option<Vec<Operation>> {
        (!self.group.is_empty()).then_some(self.group)
    }

    /// All changes in groups.
    pub fn groups(
        operations: impl IntoIterator<Item = Operation>,
        limits: CommitLimits,
    ) -> Vec<Vec<Operation>> {
        let mut packer = Self::new(limits);
        let mut groups: Vec<Vec<Operation>> = operations
            .into_iter()
            .filter_map(|operation| packer.push(operation))
            .collect();
        groups.extend(packer.finish());
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(path: usize, size: usize) -> Operation {
        Operation::Add {
            path: path.to_string(),
            bytes: vec![0; size],
        }
    }

    fn sizes(sizes: &[usize], limits: CommitLimits) -> Vec<Vec<usize>> {
        let operations = sizes.iter().enumerate().map(|(at, size)| add(at, *size));
        let groups = CommitPacker::groups(operations, limits);
        let order: Vec<String> = groups
            .iter()
            .flatten()
            .map(|operation| match operation {
                Operation::Add { path, .. } => path.clone(),
                other => format!("{other:?}"),
            })
            .collect();
        let expected: Vec<String> = (0..sizes.len()).map(|at| at.to_string()).collect();
        assert_eq!(order, expected, "nothing is lost or moved");
        let size = |operation: &Operation| match operation {
            Operation::Add { bytes, .. } => bytes.len(),
            _ => 0,
        };
        groups
            .iter()
            .map(|group| group.iter().map(size).collect())
            .collect()
    }

    #[test]
    fn groups_stay_within_bytes_and_files_and_a_larger_file_stands_alone() {
        let limits = CommitLimits {
            bytes: 10,
            files: 3,
        };
        assert_eq!(
            sizes(&[4, 4, 4, 10, 11, 1, 0, 0, 0], limits),
            [
                vec![4, 4],
                vec![4],
                vec![10],
                vec![11],
                vec![1, 0, 0],
                vec![0]
            ]
        );
        assert!(sizes(&[], limits).is_empty());
    }

    #[test]
    fn an_hour_takes_what_200_000_records_need() {
        let limits = CommitLimits::default();
        let parts = vec![4 << 20; (200_000 * 5_000) / (4 << 20) + 1];
        let groups = sizes(&parts, limits);
        assert!(groups.len() < 100, "{} commits", groups.len());
        for group in groups {
            assert!(group.iter().sum::<usize>() <= limits.bytes && group.len() <= limits.files);
        }
    }
}
