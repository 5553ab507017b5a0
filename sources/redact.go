package sources

import (
	"regexp"
	"strings"
)

var (
	anyURL = regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://[^\s"'` + "`" + `]+`)
	secret = regexp.MustCompile(`(?i)([?&;][^=&;]*(?:user|usr|pass|pwd|token|key|auth|secret|sig|cred)[^=&;]*=)[^&;#]*`)
	port   = regexp.MustCompile(`^[0-9]*$`)
)

// Redact strips credentials from every URL in a text: the user part, and query values whose names sound
// secret. Passwords with unescaped /, ? or @ in them are stripped whole.
func Redact(text string) string { return anyURL.ReplaceAllStringFunc(text, redactURL) }

func redactURL(url string) string {
	head, rest, _ := strings.Cut(url, "://")
	authority := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority = rest[:i]
	}
	// host:port is no credential, but user:pass/word@host begins like one with a strange port.
	_, after, colon := strings.Cut(authority, ":")
	oddPort := colon && !port.MatchString(after) && !strings.HasPrefix(authority, "[")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 && (oddPort || strings.Contains(authority, "@")) {
		rest = rest[at+1:]
	}
	return head + "://" + secret.ReplaceAllString(rest, "${1}xxx")
}
