package config

import (
	"encoding"
	"reflect"
	"strings"
	"time"

	"github.com/nearfar/nearfar/streams/topic"
)

// field is one yaml key of a struct, inlined ones included.
type field struct {
	key    string
	index  []int
	secret bool // of type topic.Secret: printed masked, never shown in a message
	spare  bool // of many, few of which mean anything at a time: not printed where it is zero
}

// fields lists the yaml keys of a struct type in the order they are declared.
func fields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case tag == "-" || !f.IsExported():
		case strings.Contains(options, "inline"):
			for _, sub := range fields(f.Type) {
				out = append(out, field{sub.key, append([]int{i}, sub.index...), sub.secret, sub.spare})
			}
		default:
			if tag == "" {
				tag = strings.ToLower(f.Name)
			}
			out = append(out, field{tag, []int{i}, f.Type == reflect.TypeFor[topic.Secret](), strings.Contains(options, "omitempty")})
		}
	}
	return out
}

// keys lists the names alone.
func keys(fs []field) []string {
	out := make([]string, len(fs))
	for i := range fs {
		out[i] = fs[i].key
	}
	return out
}

// kind is how a value looks in yaml.
type kind int

const (
	scalar kind = iota
	mapping
	sequence
)

func kindOf(t reflect.Type) kind {
	switch {
	case t == reflect.TypeFor[time.Time](), reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return scalar
	case t.Kind() == reflect.Struct, t.Kind() == reflect.Map:
		return mapping
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Array:
		return sequence
	}
	return scalar
}

// find goes down a path of struct keys ("sampler.replay.size") and returns the value there, whether it
// is secret, and false where there is no such path. It does not enter lists.
func find(root reflect.Value, path string) (v reflect.Value, secret, ok bool) {
	v = root
	for _, key := range strings.Split(path, ".") {
		if v.Kind() != reflect.Struct || kindOf(v.Type()) != mapping {
			return v, false, false
		}
		ok = false
		for _, f := range fields(v.Type()) {
			if f.key == key {
				v, secret, ok = v.FieldByIndex(f.index), f.secret, true
				break
			}
		}
		if !ok {
			return v, false, false
		}
	}
	return v, secret, true
}

// paths lists every path that find reaches and that holds a value (not a group of values), in order.
func paths(t reflect.Type, prefix string) []string {
	var out []string
	for _, f := range fields(t) {
		sub := t.FieldByIndex(f.index).Type
		if sub.Kind() == reflect.Struct && kindOf(sub) == mapping {
			out = append(out, paths(sub, prefix+f.key+".")...)
			continue
		}
		out = append(out, prefix+f.key)
	}
	return out
}
