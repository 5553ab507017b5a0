package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nearfar/nearfar/sources"
)

// mask stands where a secret is not shown.
const mask = "***"

// Print writes the whole configuration as yaml: every key, defaults too, secrets and the credentials in
// URLs masked. What has no secrets loads again to the same configuration.
func Print(c *Config) []byte {
	var b bytes.Buffer
	branch(reflect.ValueOf(*c)).emit(&b, "")
	return b.Bytes()
}

// JSON writes what Print writes as a JSON object, for run.json.
func JSON(c *Config) (json.RawMessage, error) {
	out, err := json.Marshal(branch(reflect.ValueOf(*c)))
	if err != nil {
		return nil, fmt.Errorf("writing the configuration as JSON: %w", err)
	}
	return out, nil
}

// tree turns a value into groups, lists and atoms.
func tree(v reflect.Value, secret bool) any {
	switch kindOf(v.Type()) {
	case mapping:
		return branch(v)
	case sequence:
		out := make([]any, v.Len())
		for i := range out {
			out[i] = tree(v.Index(i), secret)
		}
		return out
	}
	return leaf(v, secret)
}

func branch(v reflect.Value) group {
	out := group{}
	if v.Kind() == reflect.Map {
		for _, k := range v.MapKeys() {
			out = append(out, pair{k.String(), tree(v.MapIndex(k), false)})
		}
		slices.SortFunc(out, func(a, b pair) int { return strings.Compare(a.key, b.key) })
		return out
	}
	for _, f := range fields(v.Type()) {
		if f.spare && v.FieldByIndex(f.index).IsZero() {
			continue
		}
		out = append(out, pair{f.key, tree(v.FieldByIndex(f.index), f.secret)})
	}
	return out
}

// leaf is a scalar as yaml and JSON both write it.
func leaf(v reflect.Value, secret bool) any {
	if secret {
		if v.String() == "" {
			return ""
		}
		return mask
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
			s = strings.Replace(safe, "://", "://"+mask+"@", 1)
		}
		return strings.ReplaceAll(s, "${", "$${")
	case reflect.Float32, reflect.Float64:
		return v.Float()
	}
	return v.Interface()
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
