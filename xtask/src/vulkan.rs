//! Vulkan drivers that compute on the processor, for the engine's tests and figures: everyone has the same ones.

use anyhow::{Context as _, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where drivers say what they are.
const FOLDERS: [&str; 3] = [
    "/usr/share/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
    "/etc/vulkan/icd.d",
];

/// The file of Mesa's lavapipe, if that is installed.
pub(crate) fn lavapipe() -> Option<PathBuf> {
    let mut files: Vec<PathBuf> = FOLDERS
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("lvp_icd") && name.ends_with(".json")
        })
        .collect();
    // Drivers of several machines can lie there side by side.
    let is_ours = |path: &PathBuf| path.to_string_lossy().contains(std::env::consts::ARCH);
    files.sort_by_key(|path| (!is_ours(path), path.clone()));
    files.into_iter().next()
}

/// The file of the SwiftShader that Debian's Chromium brings.
pub(crate) fn swiftshader() -> Option<PathBuf> {
    let file = PathBuf::from("/usr/lib/chromium/vk_swiftshader_icd.json");
    file.is_file().then_some(file)
}

/// Lets `command` see this driver and no other.
pub(crate) fn only<'a>(command: &'a mut Command, driver: &Path) -> &'a mut Command {
    command
        .env("VK_ICD_FILENAMES", driver)
        // Newer loaders would heed this one first.
        .env_remove("VK_DRIVER_FILES");
    if std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        command.env("XDG_RUNTIME_DIR", "/tmp");
    }
    command
}

/// Gives `command` lavapipe. Where there is no such thing, as on a Mac, it takes the machine's own adapter.
pub(crate) fn with_lavapipe(command: &mut Command) -> Result<&mut Command> {
    if !cfg!(target_os = "linux") {
        return Ok(command);
    }
    let driver = lavapipe().context("Mesa's lavapipe is not there, though its package is")?;
    Ok(only(command, &driver))
}
