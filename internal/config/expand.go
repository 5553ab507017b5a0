package config

import (
	"fmt"
	"os"
	"strings"
)

// expansion is a text with its references replaced.
type expansion struct {
	text   string
	used   bool // a reference was replaced: the text may be a secret, so messages show the reference
	secret bool // it came from a file
}

// expand replaces ${VAR}, ${VAR:default} and ${file:/path} in a text; $${ stands for ${ itself.
// A file's one trailing newline is dropped, as editors and secret stores add it.
//
// A variable that is not set and has no default is an error, and so is a file that cannot be read.
func expand(s string, lookup func(string) (string, bool)) (expansion, error) {
	var out strings.Builder
	var e expansion
	for {
		before, after, ok := strings.Cut(s, "${")
		if !ok {
			out.WriteString(s)
			e.text = out.String()
			return e, nil
		}
		if strings.HasSuffix(before, "$") {
			out.WriteString(before + "{")
			s = after
			continue
		}
		reference, rest, ok := strings.Cut(after, "}")
		if !ok {
			return e, fmt.Errorf("%q has a ${ without its }, close it or write $${ for the characters themselves", s)
		}
		value, file, err := resolve(reference, lookup)
		if err != nil {
			return e, err
		}
		out.WriteString(before + value)
		e.used, e.secret, s = true, e.secret || file, rest
	}
}

// resolve finds what stands between ${ and }.
func resolve(reference string, lookup func(string) (string, bool)) (value string, file bool, err error) {
	name, fallback, hasDefault := strings.Cut(reference, ":")
	switch {
	case name == "file" && hasDefault:
		b, err := os.ReadFile(fallback)
		if err != nil {
			return "", true, fmt.Errorf("${%s}: %w, create the file or fix its path", reference, err)
		}
		return strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r"), true, nil
	case !variable(name):
		return "", false, fmt.Errorf("${%s} names no environment variable, write ${VAR}, ${VAR:default} or ${file:/path}", reference)
	}
	if value, ok := lookup(name); ok {
		return value, false, nil
	}
	if hasDefault {
		return fallback, false, nil
	}
	return "", false, fmt.Errorf("${%s}: the environment variable %s is not set, set it or give a default as ${%s:default}", name, name, name)
}

// variable reports whether the name can be that of an environment variable.
func variable(name string) bool {
	for i, r := range name {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return name != ""
}
