//! The grid as numbers: cells in the seed's order, what stands in them, and what stands outside.

use seedbed_core::messages::CellCount;
use seedbed_core::prompt::{Cell, PromptState};
use seedbed_core::seed::Seed;
use std::collections::HashMap;

/// The grid with its counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grid {
    /// Rows.
    pub topics: Vec<String>,
    /// Columns; one empty text where the seed has none.
    pub perspectives: Vec<String>,
    /// Cells that hold something but are no longer in the seed.
    pub others: Vec<CellCount>,
    counts: HashMap<Cell, CellCount>,
}

/// Instructions by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Not decided.
    pub proposed: u32,
    /// Kept.
    pub kept: u32,
    /// Struck.
    pub struck: u32,
}

impl Totals {
    /// In one state, or all.
    pub fn of(self, state: Option<PromptState>) -> u32 {
        match state {
            None => self.proposed + self.kept + self.struck,
            Some(PromptState::Proposed) => self.proposed,
            Some(PromptState::Kept) => self.kept,
            Some(PromptState::Struck) => self.struck,
        }
    }
}

impl Grid {
    /// The grid of a seed.
    pub fn new(seed: &Seed, counts: &[CellCount]) -> Self {
        let inside = seed.cells();
        let perspectives = if seed.perspectives.is_empty() {
            vec![String::new()]
        } else {
            seed.perspectives.clone()
        };
        Self {
            topics: seed.topics.clone(),
            perspectives,
            others: counts
                .iter()
                .filter(|count| !inside.contains(&count.cell))
                .filter(|count| count.proposed + count.kept + count.struck > 0)
                .cloned()
                .collect(),
            counts: counts
                .iter()
                .map(|count| (count.cell.clone(), count.clone()))
                .collect(),
        }
    }

    /// What stands in a cell.
    pub fn count(&self, cell: &Cell) -> CellCount {
        self.counts.get(cell).cloned().unwrap_or_else(|| CellCount {
            cell: cell.clone(),
            ..CellCount::default()
        })
    }

    /// All cells, topics outer.
    pub fn cells(&self) -> Vec<Cell> {
        self.topics
            .iter()
            .flat_map(|topic| {
                self.perspectives.iter().map(|perspective| Cell {
                    topic: topic.clone(),
                    perspective: perspective.clone(),
                })
            })
            .collect()
    }

    /// Cells without an instruction that is kept or still to be decided on.
    pub fn empty_cells(&self) -> Vec<Cell> {
        self.cells()
            .into_iter()
            .filter(|cell| {
                self.counts
                    .get(cell)
                    .is_none_or(|count| count.proposed + count.kept == 0)
            })
            .collect()
    }

    /// Of one cell, or of everything.
    pub fn totals(&self, cell: Option<&Cell>) -> Totals {
        self.counts
            .values()
            .filter(|count| cell.is_none_or(|cell| *cell == count.cell))
            .fold(Totals::default(), |sum, count| Totals {
                proposed: sum.proposed + count.proposed,
                kept: sum.kept + count.kept,
                struck: sum.struck + count.struck,
            })
    }
}

/// A cell in words: `soil · economic`.
pub fn cell_name(cell: &Cell) -> String {
    match (cell.topic.is_empty(), cell.perspective.is_empty()) {
        (false, false) => format!("{} · {}", cell.topic, cell.perspective),
        (true, true) => "no cell".to_owned(),
        _ => format!("{}{}", cell.topic, cell.perspective),
    }
}

/// What a screen reader hears of a cell.
pub fn cell_label(count: &CellCount) -> String {
    let mut parts = Vec::new();
    if count.kept > 0 {
        parts.push(format!("{} kept", count.kept));
    }
    if count.proposed > 0 {
        parts.push(format!("{} proposed", count.proposed));
    }
    if count.struck > 0 {
        parts.push(format!("{} struck", count.struck));
    }
    if parts.is_empty() {
        parts.push("empty".to_owned());
    }
    format!("{}: {}", cell_name(&count.cell), parts.join(", "))
}

/// The neighbour of `id` that stays when `id` goes: the next one, else the one before.
pub fn neighbour(ids: &[String], id: &str) -> Option<String> {
    let at = ids.iter().position(|own| own == id)?;
    ids.get(at + 1)
        .or_else(|| ids.get(at.checked_sub(1)?))
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(topic: &str, perspective: &str) -> Cell {
        Cell {
            topic: topic.to_owned(),
            perspective: perspective.to_owned(),
        }
    }

    fn seed() -> Seed {
        Seed {
            topics: vec!["soil".into(), "water".into()],
            perspectives: vec!["economic".into(), "ecological".into()],
            ..Seed::default()
        }
    }

    fn counts() -> Vec<CellCount> {
        vec![
            CellCount {
                cell: cell("soil", "economic"),
                kept: 2,
                proposed: 1,
                ..CellCount::default()
            },
            CellCount {
                cell: cell("water", "economic"),
                struck: 3,
                ..CellCount::default()
            },
            CellCount {
                cell: cell("bees", "economic"),
                kept: 1,
                ..CellCount::default()
            },
        ]
    }

    #[test]
    fn a_cell_that_left_the_seed_keeps_its_instructions_in_sight() {
        let grid = Grid::new(&seed(), &counts());
        assert_eq!(grid.others.len(), 1);
        assert_eq!(grid.others[0].cell.topic, "bees");
        assert_eq!(grid.totals(None).kept, 3);
        assert_eq!(grid.totals(Some(&cell("soil", "economic"))).of(None), 3);
    }

    #[test]
    fn a_cell_with_only_struck_instructions_counts_as_empty() {
        let grid = Grid::new(&seed(), &counts());
        assert_eq!(grid.cells().len(), 4);
        assert_eq!(
            grid.empty_cells(),
            [
                cell("soil", "ecological"),
                cell("water", "economic"),
                cell("water", "ecological")
            ]
        );
    }

    #[test]
    fn without_perspectives_each_topic_is_one_cell() {
        let seed = Seed {
            perspectives: Vec::new(),
            ..seed()
        };
        let grid = Grid::new(&seed, &[]);
        assert_eq!(grid.cells(), [cell("soil", ""), cell("water", "")]);
        assert_eq!(cell_name(&grid.cells()[0]), "soil");
    }

    #[test]
    fn a_cell_says_what_it_holds() {
        let counts = counts();
        assert_eq!(
            cell_label(&counts[0]),
            "soil · economic: 2 kept, 1 proposed"
        );
        let empty = CellCount {
            cell: cell("soil", ""),
            ..CellCount::default()
        };
        assert_eq!(cell_label(&empty), "soil: empty");
    }

    #[test]
    fn when_an_instruction_leaves_the_list_the_next_one_takes_over() {
        let ids: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        assert_eq!(neighbour(&ids, "a").as_deref(), Some("b"));
        assert_eq!(neighbour(&ids, "c").as_deref(), Some("b"));
        assert_eq!(neighbour(&ids[..1], "a"), None);
        assert_eq!(neighbour(&ids, "x"), None);
    }
}
