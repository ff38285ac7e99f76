//! Icons, drawn in the page: they take the colour of the text beside them and say nothing to a screen reader.

use leptos::prelude::*;

/// An icon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// Brand: a sprout with two leaves.
    Sprout,
    /// A new one.
    Plus,
    /// A file.
    File,
    /// From a server.
    Download,
    /// Delete.
    Bin,
    /// Go on.
    Arrow,
    /// A list opens.
    Chevron,
    /// Seed.
    Seed,
    /// Prompts: a grid.
    Grid,
    /// Generate: a speech bubble with lines.
    Answer,
    /// Review: a tick in a page.
    Check,
    /// Publish: up from a tray.
    Upload,
    /// A warning.
    Warning,
}

impl Icon {
    /// Outlines on a field of 24 by 24.
    fn path(self) -> &'static str {
        match self {
            Self::Sprout => {
                "M12 21v-9M12 13C12 8.5 8.9 5.6 4 5.5c0 4.8 3 7.5 8 7.5ZM12 11c0-3.8 2.8-6.6 8-7 .1 4.6-2.6 7-8 7Z"
            }
            Self::Plus => "M12 5v14M5 12h14",
            Self::File => {
                "M14 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V8l-5-5ZM14 3v5h5"
            }
            Self::Download => "M12 4v11M7.5 11 12 15.5l4.5-4.5M5 19.5h14",
            Self::Bin => {
                "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.400L17.5 7M10.2 10.5v5.5M13.8 10.5v5.5"
            }
            Self::Arrow => "M5 12h14M13 6l6 6-6 6",
            Self::Chevron => "M6.5 9.5 12 15l5.5-5.5",
            Self::Seed => {
                "M12 3.5c4.2 3 6.3 6.2 6.3 9.600A6.2 6.2 0 0 1 12 19.5a6.2 6.2 0 0 1-6.3-6.400c0-3.4 2.1-6.6 6.3-9.600ZM12 19.5v-8"
            }
            Self::Grid => "M4.5 4.5h6v6h-6zM13.5 4.5h6v6h-6zM4.5 13.5h6v6h-6zM13.5 13.5h6v6h-6z",
            Self::Answer => {
                "M5 4.5h14a1.5 1.5 0 0 1 1.5 1.5v9a1.5 1.5 0 0 1-1.5 1.5h-7L7.5 20v-3.5H5A1.5 1.5 0 0 1 3.5 15V6A1.5 1.5 0 0 1 5 4.5ZM8 8.800h8M8 12.200h5"
            }
            Self::Check => "M4.5 12.5 10 18 19.5 7",
            Self::Upload => "M12 15.5v-11M7.5 9 12 4.5 16.5 9M5 19.5h14",
            Self::Warning => "M12 4 2.8 19.5h18.400L12 4ZM12 10v4.5M12 16.800v.4",
        }
    }
}

/// Draws an icon.
pub fn icon(icon: Icon) -> AnyView {
    view! {
        <svg
            class="icon"
            viewBox="0 0 24 24"
            fill="none"
            stroke="currentColor"
            stroke-width="1.75"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
            focusable="false"
        >
            <path d=icon.path() />
        </svg>
    }
    .into_any()
}
