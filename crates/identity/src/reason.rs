//! Why nobody was signed in: words for logs and the trail, never content of a token.

/// Why something was refused. Its word goes into logs, the trail and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The parameters of an answer are missing, empty, doubled, or of no sign-in that was begun.
    State,
    /// No login cookie opens for this state, issuer and purpose.
    LoginCookie,
    /// The sign-in took too long.
    ExpiredLogin,
    /// The answer does not name its issuer, or names another (RFC 9207).
    IssParam,
    /// The provider says no.
    ProviderError,
    /// The code could not be exchanged.
    TokenEndpoint,
    /// Not three parts, not base64url, not JSON, or a key doubled.
    Malformed,
    /// Larger than any token is.
    TooLarge,
    /// An algorithm that the configuration does not allow.
    Alg,
    /// No key fits it.
    Key,
    /// The signature is wrong.
    Signature,
    /// A token of another kind.
    Typ,
    /// Of another issuer.
    Issuer,
    /// For somebody else.
    Audience,
    /// Asked for by somebody else.
    Azp,
    /// Of another sign-in.
    Nonce,
    /// Over.
    Expired,
    /// Not valid yet.
    NotYet,
    /// It does not say when it was made, or was made at an impossible time.
    IssuedAt,
    /// It names nobody.
    Subject,
    /// It does not say when the person signed in, or that is too long ago.
    AuthTime,
    /// Somebody else than whoever had to confirm.
    PersonChanged,
    /// Signed out at the provider meanwhile.
    LoggedOut,
    /// A logout token that tells of no logout.
    Events,
    /// Used before.
    Replay,
    /// The provider's description cannot be had.
    Discovery,
    /// The provider's keys cannot be had.
    Jwks,
    /// Not from a proxy that is trusted.
    Peer,
    /// Without the proxy's proof, or with a wrong one.
    Proof,
    /// A header that the proxy does not vouch for.
    Unvouched,
    /// A header given more than once.
    DuplicateHeader,
    /// The proxy names nobody.
    NoUser,
    /// The proxy's signed assertion is missing.
    Assertion,
}

impl Reason {
    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::LoginCookie => "login_cookie",
            Self::ExpiredLogin => "expired_login",
            Self::IssParam => "iss_param",
            Self::ProviderError => "provider_error",
            Self::TokenEndpoint => "token_endpoint",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Alg => "alg",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Typ => "typ",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Azp => "azp",
            Self::Nonce => "nonce",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::IssuedAt => "issued_at",
            Self::Subject => "subject",
            Self::AuthTime => "auth_time",
            Self::PersonChanged => "person_changed",
            Self::LoggedOut => "logged_out",
            Self::Events => "events",
            Self::Replay => "replay",
            Self::Discovery => "discovery",
            Self::Jwks => "jwks",
            Self::Peer => "peer",
            Self::Proof => "proof",
            Self::Unvouched => "unvouched",
            Self::DuplicateHeader => "duplicate_header",
            Self::NoUser => "no_user",
            Self::Assertion => "assertion",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a token or a code did not lead to a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It cannot be trusted.
    #[error("refused: {0}")]
    Refused(Reason),
    /// The provider does not answer, or not as it should: trying again makes sense.
    #[error("the provider cannot be reached ({0}): {1}")]
    Unreachable(Reason, String),
    /// The provider's token endpoint refused the code; its own word for it.
    #[error("the provider refused: {0}")]
    Provider(String),
}

impl From<Reason> for Trouble {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason)
    }
}
