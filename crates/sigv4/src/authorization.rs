//! The `Authorization` header: `AWS4-HMAC-SHA256 Credential=AKID/20261121/us-west-2/deadline/aws4_request,
//! SignedHeaders=host;x-amz-date, Signature=…`.

use crate::credential_scope::{CredentialScope, TERMINATOR};
use crate::error::SignatureError;
use crate::hex;
use crate::signed_headers::SignedHeaders;
use crate::string_to_sign::ALGORITHM;

/// The header in its parts, well-formed but not yet compared with anything.
#[derive(Debug)]
pub(crate) struct Authorization {
    pub(crate) access_key_id: String,
    pub(crate) scope: CredentialScope,
    pub(crate) signed_headers: SignedHeaders,
    pub(crate) signature: [u8; 32],
}

impl Authorization {
    /// Takes the value without spaces around it.
    pub(crate) fn parse(value: &str) -> Result<Self, SignatureError> {
        let (algorithm, parameters) = value.split_once(' ').unwrap_or((value, ""));
        if algorithm != ALGORITHM {
            return Err(SignatureError::AlgorithmNotServed { algorithm: algorithm.into() });
        }
        let parameters = Parameters::parse(parameters)?;
        let (access_key_id, scope) = parse_credential(require("Credential", parameters.credential)?)?;
        let signed_headers = SignedHeaders::parse(require("SignedHeaders", parameters.signed_headers)?)?;
        let signature = require("Signature", parameters.signature)?;
        let signature = hex::decode(signature)
            .ok_or(SignatureError::SignatureMalformed { length: signature.chars().count() })?;
        Ok(Self { access_key_id, scope, signed_headers, signature })
    }

    /// The value of the header, as AWS's own clients space it.
    pub(crate) fn to_header_value(&self) -> String {
        let Self { access_key_id, scope, signed_headers, signature } = self;
        let signature = hex::encode(signature);
        format!(
            "{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={signed_headers}, \
             Signature={signature}"
        )
    }
}

/// The three parameters behind the algorithm, in any order.
#[derive(Default)]
struct Parameters<'a> {
    credential: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
}

impl<'a> Parameters<'a> {
    fn parse(text: &'a str) -> Result<Self, SignatureError> {
        let mut parameters = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let slot = match name {
                "Credential" => &mut parameters.credential,
                "SignedHeaders" => &mut parameters.signed_headers,
                "Signature" => &mut parameters.signature,
                _ => return Err(SignatureError::ParameterUnknown { name: name.into() }),
            };
            if slot.replace(value).is_some() {
                return Err(SignatureError::ParameterRepeated { name: name.into() });
            }
        }
        Ok(parameters)
    }
}

fn require<'a>(name: &'static str, value: Option<&'a str>) -> Result<&'a str, SignatureError> {
    value.ok_or(SignatureError::ParameterMissing { name })
}

fn parse_credential(credential: &str) -> Result<(String, CredentialScope), SignatureError> {
    let parts: Vec<_> = credential.split('/').collect();
    let [access_key_id, day, region, service, terminator] = parts[..] else {
        return Err(SignatureError::CredentialMalformed { credential: credential.into() });
    };
    if terminator != TERMINATOR || parts.contains(&"") {
        return Err(SignatureError::CredentialMalformed { credential: credential.into() });
    }
    let scope =
        CredentialScope { day: day.to_owned(), region: region.to_owned(), service: service.to_owned() };
    Ok((access_key_id.to_owned(), scope))
}
