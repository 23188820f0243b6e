//! The parser library's errors in words an operator can act on.
use super::parse::MAX_DEPTH;
use serde_yaml::granit_parser::{ErrorKind, ScanError};

/// The message and the hint for a parser error.
pub(super) fn reword(error: &ScanError) -> (String, Option<String>) {
    let (message, hint) = words(error.kind());
    (message, hint.map(str::to_owned))
}

#[allow(clippy::too_many_lines)] // one table
fn words(kind: &ErrorKind) -> (String, Option<&'static str>) {
    use ErrorKind as K;
    let say = |m: &str, h: Option<&'static str>| (m.to_owned(), h);
    match kind {
        K::TabNotAllowed
        | K::TabInBlockIndentation
        | K::TabAtBlockScalarStart
        | K::TabInIndentation
        | K::TabInPlainScalar => say("a tab where YAML allows only spaces", Some("indent with spaces")),
        K::RecursionLimitExceeded => (format!("nested deeper than {MAX_DEPTH} levels"), None),
        K::DirectiveDisallowed => {
            say("a directive (a line that starts with `%`) is not allowed", Some("remove the line"))
        }
        K::UnclosedFlowCollection { open } => (format!("this `{open}` is never closed"), None),
        K::MismatchedFlowCollectionEnd { open, close } => (format!("this `{open}` is closed by `{close}`"), None),
        K::MisplacedFlowCollectionEnd => say("a closing bracket that nothing opened", None),
        K::UnexpectedEofFlowSequence | K::ExpectedFlowSequenceSeparator => say("this list needs `,` or `]` here", None),
        K::UnexpectedEofFlowMapping | K::UnexpectedEofImplicitFlowMapping | K::ExpectedFlowMappingSeparator => {
            say("this map needs `,` or `}` here", None)
        }
        K::UnclosedQuotedScalar | K::DocumentIndicatorInQuotedScalar => say("a quoted text is never closed", None),
        K::InvalidQuotedScalarIndent => say(
            "a quoted text is not closed, or goes on without indentation",
            Some("look for a missing quote on the lines above"),
        ),
        K::InvalidTrailingSingleQuotedScalar | K::InvalidTrailingDoubleQuotedScalar => {
            say("text after a closing quote", Some("put the whole value in quotes"))
        }
        K::UnknownQuotedScalarEscape
        | K::InvalidQuotedScalarHexEscape
        | K::InvalidLowSurrogateHexEscape
        | K::InvalidLowSurrogate
        | K::MissingLowSurrogate
        | K::UnpairedLowSurrogate
        | K::InvalidUnicodeEscape => {
            say("an unknown escape in a double-quoted text", Some("write `\\\\` for a backslash, or use single quotes"))
        }
        K::UnexpectedCharacter { character: '\0'..='\u{1f}' | '\u{7f}' } => {
            say("a control character is not allowed", None)
        }
        K::UnexpectedCharacter { character } => {
            (format!("a value cannot begin with `{character}`"), Some("put it in quotes"))
        }
        K::MappingValueNotAllowed | K::InvalidColonPlacement | K::MappingKeyNotAllowed => {
            say("`: ` is not allowed here", Some("put a text that contains `: ` in quotes, and check the indentation"))
        }
        K::ExpectedBlockMappingKey
        | K::UnexpectedEofBlockMapping
        | K::InvalidIndentation
        | K::InvalidSimpleKey
        | K::SimpleKeyExpected => {
            say("this line fits no map or list above it", Some("check the indentation and the `:` after the key"))
        }
        K::ExpectedBlockSequenceEntry
        | K::UnexpectedEofBlockSequence
        | K::BlockSequenceEntryNotAllowed
        | K::BlockEntryInFlowCollection
        | K::InvalidBlockEntryWhitespace => {
            say("a list item (`- `) is expected or misplaced here", Some("check the indentation"))
        }
        K::CommentNotSeparated => say("a comment needs a space before `#`", None),
        K::ExpectedDocumentStart | K::InvalidDocumentEnd | K::MissingDocumentEndBeforeDirective => {
            say("the document has ended; nothing more can follow", None)
        }
        K::UndeclaredTagHandle | K::UnclosedVerbatimTag | K::MissingTagUri => {
            say("tags (`!…`) are not allowed", Some("remove the tag"))
        }
        other => (format!("not valid YAML: {other}"), None),
    }
}
