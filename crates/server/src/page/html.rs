//! The page as HTML: the explorer's shell, and what somebody sees who has no session.
//!
//! The shell is `web/index.html`. What is filled in here is what the server alone knows: who is signed in, and for browsers
//! without scripts a list of the farms with a link to their numbers as CSV.

use farmtally_service::Farm;

use super::assets::STYLESHEET_PATH;
use super::escape::Escaped;
use super::session::Visitor;

/// What is said of a sign-in that did not work.
pub(super) const WRONG_KEY: &str = "This is not a working key with its secret.";
pub(super) const NOT_A_READER: &str = "This key may send sessions, and not read what was used.";
pub(super) const ANOTHER_SITE: &str = "This form was not on this page. Sign in here.";

const SHELL: &str = include_str!(concat!(env!("OUT_DIR"), "/index.html"));
/// What the link of a farm without scripts asks for.
const CSV_QUESTION: &str = "last=30d&amp;by=queue,user&amp;format=csv";

/// The explorer. `sign_out` is HTML.
pub(super) fn explorer(farms: &[Farm], sign_out: &str) -> String {
    let items: Vec<String> = if farms.is_empty() {
        vec!["<li>No farm yet. Import sessions with <code>farmtally import</code>.</li>".to_owned()]
    } else {
        farms.iter().map(farm_item).collect()
    };
    SHELL.replace("{{account}}", sign_out).replace("{{farms}}", &items.concat())
}

fn farm_item(farm: &Farm) -> String {
    let (id, name) = (farm.farm_id, Escaped(farm.display_name.as_str()));
    format!("<li><a href=\"/api/v1/farms/{id}/query?{CSV_QUESTION}\">{name}</a></li>")
}

/// For whoever comes without a session: how to get one.
/// `query` is that of the address that was asked for, which the form leads back to.
pub(super) fn sign_in(problem: Option<&str>, query: &str) -> String {
    let problem = problem.map_or_else(String::new, |problem| format!("<p role=\"alert\">{problem}</p>"));
    notice(&format!(
        "{problem}<p>Open the link that farmtally printed when it started. \
         It has a token in it that lets this browser in. Or sign in with an access key:</p>\
         <form method=\"post\" action=\"/sign-in\" autocomplete=\"off\">\
         <label>Access key <input name=\"accessKeyId\" required spellcheck=\"false\"></label>\
         <label>Secret <input name=\"secretAccessKey\" type=\"password\" required></label>\
         <input type=\"hidden\" name=\"next\" value=\"{next}\"><button>Sign in</button></form>",
        next = Escaped(query)
    ))
}

/// The form that ends a visitor's session.
pub(super) fn sign_out(visitor: &Visitor) -> String {
    let (key, token) = (Escaped(&visitor.caller.access_key_id), &visitor.form_token);
    format!(
        "<form class=\"account\" method=\"post\" action=\"/sign-out\"><span>{key} ({role})</span>\
         <input type=\"hidden\" name=\"form\" value=\"{token}\"><button>Sign out</button></form>",
        role = visitor.caller.role.as_str()
    )
}

/// For a browser that asked for a name that is not this machine's.
pub(super) fn wrong_host() -> String {
    notice(
        "<p>This page is shown under the address that farmtally printed when it started, not under this name.</p>",
    )
}

/// A page with a few sentences on it.
fn notice(content: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>farmtally</title>\n\
         <link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"{STYLESHEET_PATH}\">\n</head>\n\
         <body>\n<main class=\"notice\"><h1>farmtally</h1>{content}</main></body></html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_farms_says_how_to_get_one() {
        let page = explorer(&[], "");
        assert!(page.contains("No farm yet") && page.contains("farmtally import"), "{page}");
    }

    #[test]
    fn every_page_is_a_whole_document_with_nothing_left_to_fill_in() {
        for page in [explorer(&[], ""), sign_in(Some(WRONG_KEY), ""), sign_in(None, "a=\"{"), wrong_host()] {
            assert!(page.starts_with("<!doctype html>") && page.ends_with("</body></html>\n"), "{page}");
            assert!(!page.contains("{{") && !page.contains("}}"), "{page}");
        }
    }

    #[test]
    fn no_page_has_a_script_or_a_style_of_its_own() {
        for page in [explorer(&[], ""), sign_in(None, ""), wrong_host()] {
            for inline in ["<style", " style=", " onclick=", " onload=", "javascript:"] {
                assert!(!page.contains(inline), "{inline} in {page}");
            }
            let scripts = page.matches("<script").count();
            assert_eq!(
                page.matches("<script defer src=\"/assets/").count()
                    + page.matches("<script type=\"module\" src=\"/assets/").count(),
                scripts
            );
            assert_eq!(page.matches("></script>").count(), scripts, "{page}");
        }
    }
}
