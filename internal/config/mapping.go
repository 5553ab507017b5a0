package config

import (
	"reflect"

	"github.com/goccy/go-yaml/ast"
)

// entry is one key of a yaml mapping.
type entry struct {
	key   string
	where origin
	value ast.Node
}

// entries lists a mapping's keys, what it merges with << behind its own. It is false where the node is
// no mapping.
func (r *reader) entries(n ast.Node, path string, depth int) ([]entry, bool) {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		return nil, false
	}
	var own, merged []entry
	for _, mv := range values {
		if _, ok := mv.Key.(*ast.MergeKeyNode); ok {
			merged = append(merged, r.merged(mv.Value, path, depth+1)...)
			continue
		}
		p := mv.Key.GetToken().Position
		own = append(own, entry{keyText(mv.Key), origin{r.file, p.Line, p.Column}, mv.Value})
	}
	have := map[string]bool{}
	for _, e := range own {
		have[e.key] = true
	}
	for _, e := range merged { // of several merged mappings the first to have a key wins
		if !have[e.key] {
			have[e.key] = true
			own = append(own, e)
		}
	}
	return own, true
}

// merged lists the keys that << brings: of a mapping, or of each mapping in a list.
func (r *reader) merged(n ast.Node, path string, depth int) []entry {
	where := r.place(n)
	n = r.bare(n, path)
	if n == nil {
		return nil
	}
	parts := []ast.Node{n}
	if s, ok := n.(*ast.SequenceNode); ok {
		parts = s.Values
	}
	var out []entry
	for _, part := range parts {
		part = r.bare(part, path)
		if part == nil {
			continue
		}
		entries, ok := r.entries(part, path, depth)
		if !ok || depth > 8 {
			r.read(where, path, "<< merges %s, it must merge a group of keys", describe(part))
			return out
		}
		out = append(out, entries...)
	}
	return out
}

func keyText(k ast.MapKeyNode) string {
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value
	}
	if m, ok := k.(*ast.MappingKeyNode); ok {
		return m.Value.String()
	}
	return k.GetToken().Value
}

// mapping reads the keys of a mapping into a struct, or into a map of texts.
func (r *reader) mapping(entries []entry, v reflect.Value, path string) {
	if v.Kind() == reflect.Map {
		v.Set(reflect.MakeMapWithSize(v.Type(), len(entries)))
		for _, e := range entries {
			element := reflect.New(v.Type().Elem()).Elem()
			r.value(e.value, element, join(path, e.key), e.where)
			v.SetMapIndex(reflect.ValueOf(e.key).Convert(v.Type().Key()), element)
		}
		return
	}
	known := fields(v.Type())
	for _, e := range entries {
		f, ok := lookupField(known, e.key)
		if !ok {
			r.read(e.where, join(path, e.key), "unknown key%s", did(e.key, keys(known)))
			continue
		}
		target := v.FieldByIndex(f.index)
		r.value(e.value, target, join(path, e.key), e.where)
		r.keep(f, target)
	}
}

// keep notes a secret's value, so that no message shows it.
func (c *collector) keep(f field, v reflect.Value) {
	if f.secret && v.Kind() == reflect.String && v.String() != "" && v.String() != mask {
		c.secrets = append(c.secrets, v.String())
	}
}

func lookupField(fs []field, key string) (field, bool) {
	for _, f := range fs {
		if f.key == key {
			return f, true
		}
	}
	return field{}, false
}

// join puts a key behind a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
