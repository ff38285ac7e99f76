//! The tree of a file's columns, and what the values at its leaves mean.

use super::element::{Element, OPTIONAL, REPEATED};
use super::error::{ParquetError, Result};
use super::thrift::Thrift;
use std::ops::Range;
use std::rc::Rc;

/// How deep columns may be nested.
const DEEPEST: usize = 48;

/// How values are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stored {
    Bool,
    I32,
    I64,
    I96,
    F32,
    F64,
    Bytes,
    /// Bytes of this number each.
    Fixed(usize),
}

/// What stored values mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// What they are.
    Plain,
    Text,
    /// A text of JSON.
    Json,
    Decimal {
        scale: u32,
    },
    Date,
    /// Time of the day, in this many parts of a second.
    Time {
        parts: i64,
    },
    Moment {
        parts: i64,
        utc: bool,
    },
    Unsigned,
    Half,
    Uuid,
    /// Numbers of these names (`ClassLabel`).
    Label(Rc<[String]>),
    /// Nothing but nulls.
    Nothing,
}

/// A column as the format has it: of simple values.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) stored: Stored,
    pub(super) meaning: Meaning,
    /// Level at which a value is there.
    pub(super) def: u8,
    /// Lists around it.
    pub(super) rep: u8,
    /// Index of the column that it belongs to.
    pub(super) column: usize,
}

/// A column, or a part of one.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) shape: Shape,
    /// Level at which it is there; below, it is null.
    pub(super) def: u8,
    /// Its leaves.
    pub(super) leaves: Range<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum Shape {
    Leaf,
    Struct(Vec<Node>),
    /// Elements, which are there from definition level `def` on; each but the first has repetition level `rep`.
    List {
        def: u8,
        rep: u8,
        of: Box<Node>,
    },
    Map {
        def: u8,
        rep: u8,
        key: Box<Node>,
        value: Box<Node>,
    },
}

/// All columns of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Schema {
    pub(super) columns: Vec<Node>,
    pub(super) leaves: Vec<Leaf>,
}

/// What is above a part of the tree.
#[derive(Clone, Copy)]
struct Above {
    def: u8,
    rep: u8,
    deep: usize,
}

struct Builder {
    elements: Vec<Element>,
    at: usize,
    leaves: Vec<Leaf>,
    column: usize,
}

impl Schema {
    /// Reads the list of `count` elements that follows.
    pub(super) fn read(thrift: &mut Thrift, count: usize) -> Result<Self> {
        let mut elements = Vec::new();
        for _ in 0..count {
            let element = Element::read(thrift)
                .ok()
                .ok_or_else(|| ParquetError::broken("the list of columns can't be read"))?;
            elements.push(element);
        }
        let top = elements.first().map_or(0, |root| root.children);
        let mut builder = Builder {
            elements,
            at: 1,
            leaves: Vec::new(),
            column: 0,
        };
        let mut columns = Vec::new();
        for column in 0..top {
            builder.column = column;
            columns.push(builder.node(Above {
                def: 0,
                rep: 0,
                deep: 0,
            })?);
        }
        Ok(Self {
            columns,
            leaves: builder.leaves,
        })
    }
}

impl Builder {
    fn peek(&self, ahead: usize) -> Option<&Element> {
        self.elements.get(self.at + ahead)
    }

    fn take(&mut self) -> Result<Element> {
        let element = self.elements.get(self.at).cloned();
        self.at += 1;
        element.ok_or_else(|| ParquetError::broken("the list of columns ends early"))
    }

    /// A part that may be repeated without being called a list.
    fn node(&mut self, above: Above) -> Result<Node> {
        let repeated = self
            .peek(0)
            .is_some_and(|element| element.repetition == REPEATED);
        if !repeated {
            return self.single(above);
        }
        let from = self.leaves.len();
        let name = self
            .peek(0)
            .map(|element| element.name.clone())
            .unwrap_or_default();
        let (def, rep) = (above.def + 1, above.rep + 1);
        let of = Box::new(self.single(Above {
            def,
            rep,
            deep: above.deep,
        })?);
        let shape = Shape::List { def, rep, of };
        Ok(Node {
            name,
            shape,
            def: above.def,
            leaves: from..self.leaves.len(),
        })
    }

    /// A part, taken once.
    fn single(&mut self, above: Above) -> Result<Node> {
        if above.deep > DEEPEST {
            return Err(ParquetError::broken("its columns are nested too deep"));
        }
        let element = self.take()?;
        let def = above.def + u8::from(element.repetition == OPTIONAL);
        let inner = Above {
            def,
            rep: above.rep,
            deep: above.deep + 1,
        };
        let from = self.leaves.len();
        let shape = if element.children == 0 {
            self.leaf(&element, inner)?;
            Shape::Leaf
        } else if element.children == 1 && element.is_map() && self.is_pair() {
            self.map(inner)?
        } else if element.children == 1
            && (element.is_list() || element.is_map())
            && self.is_repeated()
        {
            self.list(&element.name, inner)?
        } else {
            let mut parts = Vec::new();
            for _ in 0..element.children {
                parts.push(self.node(inner)?);
            }
            Shape::Struct(parts)
        };
        Ok(Node {
            name: element.name,
            shape,
            def,
            leaves: from..self.leaves.len(),
        })
    }

    fn is_repeated(&self) -> bool {
        self.peek(0)
            .is_some_and(|element| element.repetition == REPEATED)
    }

    fn is_pair(&self) -> bool {
        self.is_repeated() && self.peek(0).is_some_and(|element| element.children == 2)
    }

    fn leaf(&mut self, element: &Element, own: Above) -> Result<()> {
        self.leaves.push(Leaf {
            stored: element.stored()?,
            meaning: element.meaning(),
            def: own.def,
            rep: own.rep,
            column: self.column,
        });
        Ok(())
    }

    fn map(&mut self, own: Above) -> Result<Shape> {
        self.take()?;
        let (def, rep) = (own.def + 1, own.rep + 1);
        let inner = Above {
            def,
            rep,
            deep: own.deep + 1,
        };
        let key = Box::new(self.node(inner)?);
        let value = Box::new(self.node(inner)?);
        Ok(Shape::Map {
            def,
            rep,
            key,
            value,
        })
    }

    /// A list, in the form with an element of its own or in one of the older ones without.
    fn list(&mut self, name: &str, own: Above) -> Result<Shape> {
        let (def, rep) = (own.def + 1, own.rep + 1);
        let inner = Above {
            def,
            rep,
            deep: own.deep + 1,
        };
        let itself = self.peek(0).is_some_and(|middle| {
            middle.children != 1
                || middle.name == "array"
                || middle.name == format!("{name}_tuple")
                || middle.is_list()
                || middle.is_map()
        });
        if !itself {
            self.take()?;
        }
        let of = Box::new(if itself {
            self.single(inner)?
        } else {
            self.node(inner)?
        });
        Ok(Shape::List { def, rep, of })
    }
}
