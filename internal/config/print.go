package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nearfar/nearfar/sources"
)

// mask stands where a secret is not shown.
const mask = "***"

// Print writes the whole configuration as yaml: every key, defaults too, secrets and the credentials in
// URLs masked. What has no secrets loads again to the same configuration.
func Print(c *Config) []byte { return printer{}.print(c) }

// Recipe writes what Print writes, except that a secret which was given as a reference, ${VAR} or ${file:/path},
// stays that reference: the text holds no secret, and loads again where the reference leads to one.
func Recipe(c *Config) []byte { return printer{c.references}.print(c) }

// JSON writes what Print writes as a JSON object, for run.json.
func JSON(c *Config) (json.RawMessage, error) {
	out, err := json.Marshal(printer{}.branch(reflect.ValueOf(*c), ""))
	if err != nil {
		return nil, fmt.Errorf("writing the configuration as JSON: %w", err)
	}
	return out, nil
}

// printer turns a configuration into groups, lists and atoms.
type printer struct {
	references map[string]string // by path: what to write in place of a mask
}

func (p printer) print(c *Config) []byte {
	var b bytes.Buffer
	p.branch(reflect.ValueOf(*c), "").emit(&b, "")
	return b.Bytes()
}

func (p printer) tree(v reflect.Value, path string, secret bool) any {
	switch kindOf(v.Type()) {
	case mapping:
		return p.branch(v, path)
	case sequence:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = p.tree(v.Index(i), fmt.Sprintf("%s[%d]", path, i), secret)
		}
		return out
	}
	return p.leaf(v, path, secret)
}

func (p printer) branch(v reflect.Value, path string) group {
	out := group{}
	if v.Kind() == reflect.Map {
		for _, k := range v.MapKeys() {
			out = append(out, pair{k.String(), p.tree(v.MapIndex(k), join(path, k.String()), false)})
		}
		slices.SortFunc(out, func(a, b pair) int { return strings.Compare(a.key, b.key) })
		return out
	}
	for _, f := range fields(v.Type()) {
		if f.spare && v.FieldByIndex(f.index).IsZero() {
			continue
		}
		out = append(out, pair{f.key, p.tree(v.FieldByIndex(f.index), join(path, f.key), f.secret)})
	}
	return out
}

// leaf is a scalar as yaml and JSON both write it.
func (p printer) leaf(v reflect.Value, path string, secret bool) any {
	if secret {
		if v.String() == "" {
			return ""
		}
		return p.masked(path, mask)
	}
	switch x := v.Interface().(type) {
	case time.Time:
		if x.IsZero() {
			return ""
		}
		return x.UTC().Format(time.RFC3339Nano)
	case time.Duration:
		return x.String()
	case encoding.TextMarshaler:
		if b, err := x.MarshalText(); err == nil {
			return string(b)
		}
	}
	switch v.Kind() {
	case reflect.String:
		s := v.String()
		if safe := sources.Redact(s); safe != s {
			return p.masked(path, strings.ReplaceAll(strings.Replace(safe, "://", "://"+mask+"@", 1), "${", "$${"))
		}
		return strings.ReplaceAll(s, "${", "$${")
	case reflect.Float32, reflect.Float64:
		return v.Float()
	}
	return v.Interface()
}

// masked is what stands in place of a secret: the reference that led to it, or stars.
func (p printer) masked(path, stars string) string {
	if reference, ok := p.references[path]; ok && holdsNoSecret(reference) {
		return reference
	}
	return stars
}

// holdsNoSecret says whether a text that was written with references shows no secret itself: it is one
// reference, or a URL whose password is one. A default, ${VAR:default}, may be the secret.
func holdsNoSecret(written string) bool {
	const reference = `\$\{(file:[^}]*|[A-Za-z_][A-Za-z0-9_]*)\}`
	const url = `[A-Za-z][A-Za-z0-9+.-]*://((` + reference + `|[^:@/$\s]+):)?` + reference + `@([^@?#\s$]*)`
	ok, err := regexp.MatchString(`^(`+reference+`|`+url+`)$`, written)
	return ok && err == nil
}

// checkMasks refuses what Print has written in place of a secret: used as if it were one, it would fail
// later and elsewhere.
func checkMasks(v reflect.Value, path string, secret bool, report Report) {
	switch kindOf(v.Type()) {
	case mapping:
		if v.Kind() != reflect.Struct {
			return
		}
		for _, f := range fields(v.Type()) {
			checkMasks(v.FieldByIndex(f.index), join(path, f.key), f.secret, report)
		}
	case sequence:
		for i := range v.Len() {
			checkMasks(v.Index(i), fmt.Sprintf("%s[%d]", path, i), secret, report)
		}
	default:
		if v.Kind() == reflect.String && (secret && v.String() == mask || strings.Contains(v.String(), "://"+mask+"@")) {
			report(path, "holds %s, which stands in place of a secret where a configuration is printed: give the secret itself, best as ${VAR} or ${file:/path}", mask)
		}
	}
}
