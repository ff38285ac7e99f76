//! A list that a person edits: rows with names of their own, so that a row keeps its field and the focus while it
//! moves, and what comes of pasted text.

/// Items with names that stay theirs while they move and change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows<T> {
    rows: Vec<(u32, T)>,
    next: u32,
}

impl<T: Clone + PartialEq> Rows<T> {
    /// Rows of these items.
    pub fn new(items: &[T]) -> Self {
        let mut rows = Self {
            rows: Vec::new(),
            next: 0,
        };
        rows.insert(0, items.to_vec());
        rows
    }

    /// Names, in order.
    pub fn ids(&self) -> Vec<u32> {
        self.rows.iter().map(|(id, _)| *id).collect()
    }

    /// Items, in order.
    pub fn items(&self) -> Vec<T> {
        self.rows.iter().map(|(_, item)| item.clone()).collect()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The item named `id`.
    pub fn get(&self, id: u32) -> Option<&T> {
        self.rows
            .iter()
            .find(|(own, _)| *own == id)
            .map(|(_, item)| item)
    }

    /// Where the item named `id` stands.
    pub fn position(&self, id: u32) -> Option<usize> {
        self.rows.iter().position(|(own, _)| *own == id)
    }

    /// The name of the row at `index`.
    pub fn at(&self, index: usize) -> Option<u32> {
        self.rows.get(index).map(|(id, _)| *id)
    }

    /// Changes an item.
    pub fn change(&mut self, id: u32, change: impl FnOnce(&mut T)) {
        if let Some((_, item)) = self.rows.iter_mut().find(|(own, _)| *own == id) {
            change(item);
        }
    }

    /// Puts items in before the row at `at` (at the end if there is none) and names them.
    pub fn insert(&mut self, at: usize, items: Vec<T>) -> Vec<u32> {
        let at = at.min(self.rows.len());
        let first = self.next;
        self.next += items.len() as u32;
        let ids: Vec<u32> = (first..self.next).collect();
        self.rows
            .splice(at..at, ids.iter().copied().zip(items))
            .for_each(drop);
        ids
    }

    /// Takes a row out and says where it stood.
    pub fn remove(&mut self, id: u32) -> Option<usize> {
        let at = self.position(id)?;
        self.rows.remove(at);
        Some(at)
    }

    /// Moves a row up (negative) or down; its new place, or `None` where it can't go further.
    pub fn shift(&mut self, id: u32, by: isize) -> Option<usize> {
        let to = self.position(id)?.checked_add_signed(by)?;
        (to < self.rows.len())
            .then(|| self.move_to(id, to))
            .flatten()
    }

    /// Moves a row to the place `to`, counted with the row taken out; its new place if that is another one.
    pub fn move_to(&mut self, id: u32, to: usize) -> Option<usize> {
        let from = self.position(id)?;
        let to = to.min(self.rows.len().saturating_sub(1));
        if from == to {
            return None;
        }
        let row = self.rows.remove(from);
        self.rows.insert(to, row);
        Some(to)
    }

    /// Takes over items from elsewhere (undo, an import). Rows that can be recognised keep their name.
    pub fn follow(&mut self, items: &[T]) {
        let head = self
            .rows
            .iter()
            .zip(items)
            .take_while(|((_, old), new)| old == *new)
            .count();
        let tail = self.rows[head..]
            .iter()
            .rev()
            .zip(items[head..].iter().rev())
            .take_while(|((_, old), new)| old == *new)
            .count();
        let mut middle: Vec<(u32, T)> =
            self.rows.splice(head..self.rows.len() - tail, []).collect();
        let new = &items[head..items.len() - tail];
        let is_edit = middle.len() == new.len();
        let mut taken: Vec<Option<u32>> = new
            .iter()
            .map(|item| {
                let at = middle.iter().position(|(_, old)| old == item)?;
                Some(middle.remove(at).0)
            })
            .collect();
        if is_edit {
            // What is left over on both sides are rows whose text changed.
            for (place, (id, _)) in taken.iter_mut().filter(|place| place.is_none()).zip(middle) {
                *place = Some(id);
            }
        }
        let named = taken
            .into_iter()
            .zip(new)
            .map(|(id, item)| {
                let id = id.unwrap_or_else(|| {
                    self.next += 1;
                    self.next - 1
                });
                (id, item.clone())
            })
            .collect::<Vec<_>>();
        self.rows.splice(head..head, named).for_each(drop);
    }
}

/// The place where something dropped at `y` comes to stand among rows with these middles.
pub fn drop_place(middles: &[f64], y: f64) -> usize {
    middles.iter().filter(|middle| **middle < y).count()
}

/// What a pasted text holds: the items of a JSON list, else its lines without bullets and numbers.
pub fn pasted(text: &str) -> Vec<String> {
    if let Ok(items) = serde_json::from_str::<Vec<String>>(text.trim()) {
        return items
            .iter()
            .map(|item| item.trim().to_owned())
            .filter(|item| !item.is_empty())
            .collect();
    }
    text.lines()
        .map(|line| without_bullet(line.trim()).to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

fn without_bullet(line: &str) -> &str {
    let unnumbered = line.trim_start_matches(|c: char| c.is_ascii_digit());
    if unnumbered.len() < line.len()
        && let Some(rest) = unnumbered.strip_prefix(['.', ')'])
        && rest.starts_with(char::is_whitespace)
    {
        return rest.trim();
    }
    for bullet in ['-', '*', '•', '–', '·'] {
        if let Some(rest) = line.strip_prefix(bullet)
            && rest.starts_with(char::is_whitespace)
        {
            return rest.trim();
        }
    }
    line
}

/// Divides `texts` into those that are new among `present` and the number of those that stand there already (or twice
/// in `texts`).
pub fn fresh(texts: Vec<String>, present: &[String]) -> (Vec<String>, usize) {
    let mut seen: Vec<String> = present.iter().map(|text| key(text)).collect();
    let all = texts.len();
    let mut new = Vec::new();
    for text in texts {
        let key = key(&text);
        if !seen.contains(&key) {
            seen.push(key);
            new.push(text);
        }
    }
    let known = all - new.len();
    (new, known)
}

fn key(text: &str) -> String {
    text.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(texts: &str) -> Rows<String> {
        Rows::new(&list(texts))
    }

    fn list(texts: &str) -> Vec<String> {
        texts.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_row_keeps_its_name_wherever_it_goes() {
        let mut rows = rows("a b c d");
        assert_eq!(rows.shift(0, -1), None);
        assert_eq!(rows.shift(3, 1), None);
        assert_eq!(rows.shift(0, 1), Some(1));
        assert_eq!(rows.items(), list("b a c d"));
        assert_eq!(rows.move_to(0, 3), Some(3));
        assert_eq!(rows.items(), list("b c d a"));
        assert_eq!(rows.move_to(0, 9), None);
        assert_eq!(rows.position(0), Some(3));
        assert_eq!(rows.get(0).map(String::as_str), Some("a"));
    }

    #[test]
    fn a_name_is_never_given_twice() {
        let mut rows = rows("a b");
        assert_eq!(rows.remove(1), Some(1));
        assert_eq!(rows.remove(1), None);
        assert_eq!(rows.insert(0, list("c d")), [2, 3]);
        assert_eq!(rows.items(), list("c d a"));
        rows.follow(&list("x c d a y"));
        let ids = rows.ids();
        assert_eq!(ids[1..4], [2, 3, 0]);
        assert!(ids[0] > 3 && ids[4] > 3 && ids[0] != ids[4]);
    }

    #[test]
    fn what_comes_back_by_undo_finds_its_rows() {
        for (before, after, expected) in [
            ("a b c", "a b c", vec![0, 1, 2]),
            // One row edited back.
            ("a b c", "a x c", vec![0, 1, 2]),
            // A move taken back.
            ("a b c", "c a b", vec![2, 0, 1]),
            // A removed row comes back as a new one, the others stay.
            ("a c", "a b c", vec![0, 2, 1]),
            ("a b c", "b", vec![1]),
            ("", "a", vec![0]),
        ] {
            let mut rows = rows(before);
            rows.follow(&list(after));
            assert_eq!(rows.items(), list(after));
            assert_eq!(rows.ids(), expected, "{before} → {after}");
        }
    }

    #[test]
    fn a_drop_lands_between_the_rows_around_the_pointer() {
        let middles = [10.0, 30.0, 50.0];
        assert_eq!(
            [0.0, 20.0, 31.0, 400.0].map(|y| drop_place(&middles, y)),
            [0, 1, 2, 3]
        );
        assert_eq!(drop_place(&[], 5.0), 0);
    }

    #[test]
    fn pasted_lines_lose_bullets_and_numbers_but_no_content() {
        assert_eq!(
            pasted(
                "- soil\r\n* water \n\n1. crops\n12) bees\n• 4-H clubs\n2024 prices\n-5 °C frost\n3.5 t axles"
            ),
            [
                "soil",
                "water",
                "crops",
                "bees",
                "4-H clubs",
                "2024 prices",
                "-5 °C frost",
                "3.5 t axles"
            ]
        );
        assert_eq!(pasted(r#" ["soil", " water ", ""] "#), ["soil", "water"]);
        assert_eq!(pasted(r#"["soil", 3]"#), [r#"["soil", 3]"#]);
        assert!(pasted(" \n ").is_empty());
    }

    #[test]
    fn what_is_there_already_is_told_from_what_is_new() {
        let (new, known) = fresh(
            list("Soil water WATER bees"),
            &[" soil ".to_owned(), "crops".to_owned()],
        );
        assert_eq!(new, ["water", "bees"]);
        assert_eq!(known, 2);
    }
}
