package config

import (
	"bytes"
	"encoding"
	"encoding/json"
	"flag"
	"os"
	"path"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/invopop/jsonschema"
)

const module = "github.com/nearfar/nearfar"

// reflectSchema makes the schema from the structs and, since it needs their comments, from the sources.
func reflectSchema(t *testing.T) []byte {
	t.Helper()
	r := jsonschema.Reflector{
		FieldNameTag: "yaml", RequiredFromJSONSchemaTags: true, ExpandedStruct: true, Anonymous: true,
		Namer:  definition,
		Mapper: scalarSchema,
	}
	t.Chdir("../..")
	for _, room := range []string{"./internal/config", "./sources", "./sampler", "./model/objective", "./streams/topic"} {
		if err := r.AddGoComments(module, room); err != nil {
			t.Fatal(err)
		}
	}
	s := r.Reflect(Config{})
	s.Title = "nearfar configuration"
	allowReferences(s)
	for _, d := range s.Definitions {
		allowReferences(d)
	}
	out, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// definition names a type together with its package: every room has a Config.
func definition(t reflect.Type) string {
	if t.Name() == "" || t.PkgPath() == "" {
		return ""
	}
	return path.Base(t.PkgPath()) + "." + t.Name()
}

// scalarSchema maps what is one text in yaml though no string in Go.
func scalarSchema(t reflect.Type) *jsonschema.Schema {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return &jsonschema.Schema{Type: "string", Pattern: `^(-?([0-9.]+(ns|us|µs|ms|s|m|h))+|0|.*\$\{.*)$`, Examples: []any{"200ms", "10s", "1h30m"}}
	case t == reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Examples: []any{"2026-01-31T12:00:00Z"}}
	case t == reflect.TypeFor[Size]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "integer"}, {Type: "string"}}, Examples: []any{"4MiB", "500kB"}}
	case t.Kind() != reflect.Struct && reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return &jsonschema.Schema{Type: "string"}
	}
	return nil
}

// allowReferences lets ${VAR} stand for a number, a truth or one of several words; and a section be empty.
func allowReferences(s *jsonschema.Schema) {
	if s.Properties == nil {
		return
	}
	reference := &jsonschema.Schema{Type: "string", Pattern: `\$\{`}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		v := p.Value
		if v.Type == "integer" || v.Type == "number" || v.Type == "boolean" || len(v.Enum) > 0 {
			p.Value = &jsonschema.Schema{Description: v.Description, AnyOf: []*jsonschema.Schema{{Type: v.Type, Enum: v.Enum}, reference}}
		}
		if p.Key == "from" { // a device's number
			p.Value = &jsonschema.Schema{Description: v.Description, AnyOf: []*jsonschema.Schema{{Type: "string"}, {Type: "integer"}}}
		}
	}
}

func TestSchemaIsFresh(t *testing.T) {
	update := flag.Lookup("update").Value.String() == "true"
	want := reflectSchema(t)
	if update {
		if err := os.WriteFile("internal/config/schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(Schema(), want) {
		t.Error("schema.json does not fit the structs any more: run `go generate ./internal/config`")
	}
}

func TestSchemaDescribesEveryKey(t *testing.T) {
	var s jsonschema.Schema
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	for _, p := range paths(reflect.TypeFor[Config](), "") {
		node := &s
		for _, key := range strings.Split(p, ".") {
			if node.Ref != "" {
				node = s.Definitions[strings.TrimPrefix(node.Ref, "#/$defs/")]
			}
			next, ok := node.Properties.Get(key)
			if !ok {
				t.Fatalf("%s is missing", p)
			}
			node = next
		}
		if node.Description == "" {
			t.Errorf("%s has no description: write a comment behind its field", p)
		}
	}
}
