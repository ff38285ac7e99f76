//! Which variant of the matrix kernels is used for how many columns.

use super::context::Features;
use super::wgsl::{Arith, Spread};

/// How products of some number of columns are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// How they are spread over threads.
    pub spread: Spread,
    /// Columns of a thread (of a workgroup, for [`Spread::Tile`]).
    pub columns: usize,
    /// What they compute with.
    pub arith: Arith,
}

impl Choice {
    const fn new(spread: Spread, columns: usize, arith: Arith) -> Self {
        Self {
            spread,
            columns,
            arith,
        }
    }

    /// A short name: `lane4`, `sub2p` (packed bytes), `tile32h` (halves).
    fn name(self) -> String {
        let spread = match self.spread {
            Spread::Lane => "lane",
            Spread::Wide => "wide",
            Spread::Split => "split",
            Spread::Sub(_) => "sub",
            Spread::Tile => "tile",
        };
        let arith = match self.arith {
            Arith::Float => "",
            Arith::Half => "h",
            Arith::Packed => "p",
        };
        format!("{spread}{}{arith}", self.columns)
    }
}

/// Columns up to which each of a kit's choices holds.
pub const LIMITS: [usize; 6] = [1, 2, 4, 8, 16, usize::MAX];

/// A choice for every number of columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kit {
    choices: [Choice; LIMITS.len()],
}

impl Kit {
    /// Without barriers and optional features: for adapters that run on a CPU.
    pub fn lanes() -> Self {
        let wide = |columns| Choice::new(Spread::Wide, columns, Arith::Float);
        Self {
            choices: [wide(1), wide(2), wide(4), wide(4), wide(4), wide(4)],
        }
    }

    /// With workgroups and no optional feature.
    pub fn groups() -> Self {
        let split = |columns| Choice::new(Spread::Split, columns, Arith::Float);
        let tile = |columns| Choice::new(Spread::Tile, columns, Arith::Float);
        Self {
            choices: [split(1), split(2), split(4), tile(16), tile(16), tile(32)],
        }
    }

    /// The same choice for every number of columns, which is what tests want.
    #[doc(hidden)]
    pub fn only(choice: Choice) -> Self {
        Self {
            choices: [choice; LIMITS.len()],
        }
    }

    /// Which of the choices is for `columns` columns.
    pub fn place(columns: usize) -> usize {
        LIMITS
            .iter()
            .position(|limit| columns <= *limit)
            .unwrap_or(LIMITS.len() - 1)
    }

    /// The choice at a [`Self::place`].
    pub fn at(&self, place: usize) -> Choice {
        self.choices[place.min(LIMITS.len() - 1)]
    }

    /// Makes `choice` the one at `place`.
    pub fn set(&mut self, place: usize, choice: Choice) {
        self.choices[place.min(LIMITS.len() - 1)] = choice;
    }

    /// Its choices in words that [`Self::parse`] reads.
    pub fn text(&self) -> String {
        self.choices.map(Choice::name).join(" ")
    }

    /// Reads [`Self::text`]; `None` if it names what a device with `features` does not have.
    pub fn parse(text: &str, features: &Features) -> Option<Self> {
        let mut kit = Self::groups();
        let mut places = 0;
        for (place, name) in text.split_whitespace().enumerate() {
            let choice = (0..LIMITS.len())
                .flat_map(|place| {
                    candidates(place, features, true)
                        .into_iter()
                        .chain(candidates(place, features, false))
                })
                .find(|choice| choice.name() == name)?;
            if place >= LIMITS.len() {
                return None;
            }
            kit.set(place, choice);
            places += 1;
        }
        (places == LIMITS.len()).then_some(kit)
    }
}

/// What is worth trying at a place of a kit.
pub fn candidates(place: usize, features: &Features, lanes: bool) -> Vec<Choice> {
    let most = LIMITS[place.min(LIMITS.len() - 1)].min(32);
    let integers = if features.packed {
        &[Arith::Float, Arith::Packed][..]
    } else {
        &[Arith::Float]
    };
    let mut out = Vec::new();
    let few = most.min(4);
    for arith in integers {
        if lanes {
            out.push(Choice::new(Spread::Lane, few, *arith));
            if *arith == Arith::Float {
                out.push(Choice::new(Spread::Wide, few, *arith));
            }
        } else if most <= 8 {
            out.push(Choice::new(Spread::Split, few, *arith));
        }
        if let Some(least) = features.subgroups
            && (lanes || most <= 16)
        {
            out.push(Choice::new(Spread::Sub(least), few, *arith));
            if most >= 8 && !lanes {
                out.push(Choice::new(Spread::Sub(least), 8, *arith));
            }
        }
    }
    if !lanes && most >= 8 {
        let halves = if features.half {
            &[Arith::Float, Arith::Half][..]
        } else {
            &[Arith::Float]
        };
        for arith in halves {
            out.push(Choice::new(Spread::Tile, 16, *arith));
            if most > 16 {
                out.push(Choice::new(Spread::Tile, 32, *arith));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(half: bool, subgroups: Option<u8>) -> Features {
        Features {
            half,
            subgroups,
            packed: true,
        }
    }

    #[test]
    fn a_kit_is_read_as_it_was_written() {
        let all = features(true, Some(8));
        for base in [Kit::lanes(), Kit::groups()] {
            assert_eq!(Kit::parse(&base.text(), &all), Some(base));
        }
        let mut kit = Kit::groups();
        for place in 0..LIMITS.len() {
            for choice in candidates(place, &all, false) {
                kit.set(place, choice);
                assert_eq!(Kit::parse(&kit.text(), &all), Some(kit.clone()));
            }
        }
    }

    #[test]
    fn what_a_device_has_not_is_not_read() {
        let mut kit = Kit::groups();
        kit.set(0, Choice::new(Spread::Sub(8), 1, Arith::Float));
        assert_eq!(Kit::parse(&kit.text(), &features(true, None)), None);
        kit.set(0, Choice::new(Spread::Split, 1, Arith::Float));
        kit.set(5, Choice::new(Spread::Tile, 32, Arith::Half));
        assert_eq!(Kit::parse(&kit.text(), &features(false, None)), None);
        assert_eq!(Kit::parse("split1", &features(true, None)), None);
        assert_eq!(Kit::parse("", &features(true, None)), None);
    }

    #[test]
    fn every_number_of_columns_has_a_place() {
        let places: Vec<_> = [1, 2, 3, 4, 5, 8, 9, 16, 17, 512].map(Kit::place).into();
        assert_eq!(places, [0, 1, 2, 2, 3, 3, 4, 4, 5, 5]);
    }
}
