//! Makes the page's assets: the files of `web/`, scripts without their comments, and Apache ECharts, all compressed and
//! under names that change with their content.
//!
//! ECharts is not in this repository. It lies in the source of the crate `charming`, which is a build dependency for this
//! file alone; `FARMTALLY_ECHARTS_JS` names another copy. The painful fact: `cargo metadata --offline` would tell where
//! that source is, and fails on a machine that has not downloaded what only the tests of this workspace need. The compiler
//! wrote down which files it read for the crate, beside this program, so that this is where we look.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const INDEX: &str = "index.html";
const ECHARTS_VARIABLE: &str = "FARMTALLY_ECHARTS_JS";
/// The file in the source of `charming` 0.4.0, and its SHA-256.
const ECHARTS_FILE: &str = "src/asset/echarts-5.4.2.min.js";
const ECHARTS_SHA256: &str = "3d16c3a22fffe270406aaeec21fc72453dda9f0eed56e6b35080321e49356393";
/// Digits of a digest in a name.
const NAME_DIGITS: usize = 16;

struct Asset {
    name: String,
    content: Vec<u8>,
}

impl Asset {
    fn is_script(&self) -> bool {
        extension(&self.name) == Some("js")
    }
}

fn main() -> Result<()> {
    println!("cargo::rerun-if-env-changed={ECHARTS_VARIABLE}");
    println!("cargo::rerun-if-changed=build.rs");
    let mut own = own_assets(&Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../web"))?;
    // The modules of the page name each other by relative paths: one folder for all of them, named for all of them.
    let folder = digest(own.iter().flat_map(|asset| [asset.name.as_bytes(), &asset.content]));
    let echarts = Asset { name: "echarts.js".into(), content: echarts()? };
    let echarts_folder = digest([echarts.content.as_slice()]);
    let index = own.iter().position(|asset| asset.name == INDEX).ok_or("web/index.html is not there")?;
    let html = String::from_utf8(own.remove(index).content)?
        .replace("{{modules}}", &preloads(&own, &folder))
        .replace("{{echarts}}", &format!("/assets/{echarts_folder}/echarts.js"))
        .replace("{{assets}}", &format!("/assets/{folder}"));
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut table = String::new();
    for asset in &own {
        table += &entry(&out, &folder, asset)?;
    }
    table += &entry(&out, &echarts_folder, &echarts)?;
    fs::write(out.join("assets.rs"), format!("&[\n{table}]\n"))?;
    fs::write(out.join(INDEX), html)?;
    fs::write(out.join("stylesheet.txt"), format!("/assets/{folder}/app.css"))?;
    Ok(())
}

/// Writes an asset compressed, and gives its line in the table of `page::assets`.
fn entry(out: &Path, folder: &str, asset: &Asset) -> Result<String> {
    let name = &asset.name;
    fs::write(out.join(format!("{name}.gz")), gzip(&asset.content)?)?;
    let kind = content_type(name)?;
    Ok(format!(
        "Asset {{ path: \"/assets/{folder}/{name}\", content_type: \"{kind}\", etag: \"\\\"{folder}\\\"\", \
         gzip: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{name}.gz\")) }},\n"
    ))
}

/// Lets a browser fetch all modules at once, and not one after the other as they name each other.
fn preloads(own: &[Asset], folder: &str) -> String {
    let modules = own.iter().filter(|asset| asset.is_script() && asset.name != "main.js");
    let links: Vec<String> = modules
        .map(|asset| format!("<link rel=\"modulepreload\" href=\"/assets/{folder}/{}\">", asset.name))
        .collect();
    links.join("\n")
}

/// What lies in `web/`, by name.
fn own_assets(web: &Path) -> Result<Vec<Asset>> {
    println!("cargo::rerun-if-changed={}", web.display());
    let mut assets = Vec::new();
    for entry in fs::read_dir(web).map_err(|error| format!("cannot read `{}`: {error}", web.display()))? {
        let path = entry?.path();
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a name in web/ is no text")?;
        let mut asset = Asset { name: name.to_owned(), content: fs::read(&path)? };
        if asset.is_script() {
            asset.content = minified(asset.name.as_str(), asset.content)?;
        }
        assets.push(asset);
    }
    assets.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(assets)
}

/// Comments are for whoever reads the source, and half of it.
fn minified(name: &str, content: Vec<u8>) -> Result<Vec<u8>> {
    let source = String::from_utf8(content)?;
    let script =
        minifier::js::minify(&source).map_err(|error| format!("`web/{name}` is no script: {error}"))?;
    Ok(script.to_string().into_bytes())
}

fn content_type(name: &str) -> Result<&'static str> {
    match extension(name) {
        Some("js") => Ok("text/javascript; charset=utf-8"),
        Some("css") => Ok("text/css; charset=utf-8"),
        Some("svg") => Ok("image/svg+xml"),
        Some("txt") => Ok("text/plain; charset=utf-8"),
        _ => Err(format!("`web/{name}` is of no known type: js, css, svg, txt and index.html are").into()),
    }
}

fn extension(name: &str) -> Option<&str> {
    Path::new(name).extension().and_then(|extension| extension.to_str())
}

/// ECharts from where the builder says, or from the source of `charming`.
fn echarts() -> Result<Vec<u8>> {
    if let Some(path) = env::var_os(ECHARTS_VARIABLE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        println!("cargo::rerun-if-changed={}", path.display());
        return fs::read(&path).map_err(|error| {
            format!("cannot read `{}`, which {ECHARTS_VARIABLE} names: {error}", path.display()).into()
        });
    }
    let path = charming_source()?.join(ECHARTS_FILE);
    let content =
        fs::read(&path).map_err(|error| hinted(&format!("cannot read `{}`: {error}", path.display())))?;
    let found = hex(&Sha256::digest(&content));
    if found != ECHARTS_SHA256 {
        let path = path.display();
        return Err(hinted(&format!("`{path}` has the SHA-256 {found} and not {ECHARTS_SHA256}")));
    }
    Ok(content)
}

/// The folder of the crate's `Cargo.toml`, by the dependencies that the compiler noted: `…/deps/charming-….d` has a rule
/// for each file that it read, and `src/lib.rs` is among them.
fn charming_source() -> Result<PathBuf> {
    let program = env::current_exe()?;
    let profile = program.ancestors().nth(3).ok_or("the build script has no folder")?;
    let folder = profile.join("deps");
    for entry in fs::read_dir(&folder)
        .map_err(|error| hinted(&format!("cannot read `{}`: {error}", folder.display())))?
    {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !name.starts_with("charming-") || extension(name) != Some("d") {
            continue;
        }
        let noted = fs::read_to_string(&path)?;
        let root = noted.lines().find_map(|line| line.strip_suffix("src/lib.rs:")).map(PathBuf::from);
        if let Some(root) = root.filter(|root| root.join(ECHARTS_FILE).exists()) {
            return Ok(root);
        }
    }
    Err(hinted(&format!("nothing in `{}` tells where the source of the crate charming is", folder.display())))
}

fn hinted(problem: &str) -> Box<dyn Error> {
    format!(
        "{problem}\nhint: set {ECHARTS_VARIABLE} to the path of a file echarts.min.js of Apache ECharts 5"
    )
    .into()
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

fn digest<'part>(parts: impl IntoIterator<Item = &'part [u8]>) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    hex(&digest.finalize())[..NAME_DIGITS].to_owned()
}

fn hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}
