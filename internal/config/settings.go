package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Setting is one value said outside the file: by a flag.
type Setting struct {
	From  string // who says it, for messages: --near
	Path  string // yaml path: sampler.near
	Value string // a text; a list is written a,b or as yaml
}

const envPrefix = "NEARFAR_"

// environment turns variables like NEARFAR_SAMPLER_NEAR=200ms into settings. A variable that begins like
// one of the configuration's sections but names nothing in it is a problem, not a silence.
func (c *collector) environment(environ []string, t reflect.Type) []Setting {
	byName := map[string]string{}
	for _, path := range paths(t, "") {
		byName[variableOf(path)] = path
	}
	var names []string
	for name := range byName {
		names = append(names, name)
	}
	var out []Setting
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if path, ok := byName[name]; ok {
			out = append(out, Setting{name, path, value})
			continue
		}
		for _, section := range keys(fields(t)) {
			if strings.HasPrefix(name, variableOf(section)+"_") {
				c.at(origin{where: name}, "", "sets nothing in the configuration%s", suggest(name, names))
				break
			}
		}
	}
	slices.SortFunc(out, func(a, b Setting) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// variableOf is the environment variable of a path: sampler.near → NEARFAR_SAMPLER_NEAR.
func variableOf(path string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// suggest is did for a vocabulary too long to list.
func suggest(word string, known []string) string {
	if n := Nearest(word, known); n != "" {
		return ", did you mean " + n + "?"
	}
	return ", `nearfar config print` shows every key"
}

// apply puts a setting into the configuration v.
func (r *reader) apply(s Setting, v reflect.Value) {
	where := origin{where: s.From}
	target, secret, ok := find(v, s.Path)
	switch {
	case !ok:
		r.at(where, s.Path, "unknown key%s", suggest(s.Path, paths(v.Type(), "")))
		return
	case kindOf(target.Type()) == scalar:
		r.forget(s.Path)
		r.said[s.Path] = where
		if err := setText(target, s.Value); err != nil {
			r.read(where, s.Path, "%s", explain(err, s.Value, secret))
			return
		}
		if secret && s.Value != "" {
			r.secrets = append(r.secrets, s.Value)
		}
	case target.Kind() == reflect.Slice && kindOf(target.Type().Elem()) == scalar && !strings.HasPrefix(s.Value, "["):
		r.forget(s.Path)
		r.said[s.Path] = where
		var parts []string
		if s.Value != "" {
			parts = strings.Split(s.Value, ",")
		}
		resize(target, len(parts))
		for i, part := range parts {
			if err := setText(target.Index(i), strings.TrimSpace(part)); err != nil {
				r.read(where, s.Path, "%s", explain(err, part, secret))
			}
		}
	default: // yaml, with places inside the setting instead of a file
		r.forget(s.Path)
		sub := &reader{collector: newCollector(s.From), file: s.From, lookup: r.lookup, fresh: r.fresh, anchors: r.anchors}
		sub.parse([]byte(s.Value), target)
		for _, p := range sub.found {
			r.read(origin{p.Where, p.Line, p.Col}, join(s.Path, p.Path), "%s", p.Text)
		}
		r.secrets = append(r.secrets, sub.secrets...)
		for p, written := range sub.references {
			r.references[strings.ReplaceAll(join(s.Path, p), ".[", "[")] = written
		}
		r.said[s.Path] = where
	}
}

// forget drops what the file said at or below a path: a flag or variable replaces it.
func (c *collector) forget(path string) {
	below := func(p string) bool {
		rest, ok := strings.CutPrefix(p, path)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	}
	maps.DeleteFunc(c.said, func(p string, _ origin) bool { return below(p) })
	maps.DeleteFunc(c.references, func(p, _ string) bool { return below(p) })
}

// explain puts the value behind an error that only says what was expected, unless it is secret.
func explain(err error, value string, secret bool) string {
	if errors.Is(err, errType) && !secret {
		return fmt.Sprintf("%v, is %q", err, value)
	}
	return err.Error()
}
