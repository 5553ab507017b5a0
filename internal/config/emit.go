package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// group is an ordered mapping. A tree is made of groups, []any, string, bool and numbers.
type group []pair

type pair struct {
	key   string
	value any
}

// MarshalJSON writes the group as an object, keys in their order.
func (g group) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, p := range g {
		b.WriteByte("{,"[min(i, 1)])
		fmt.Fprintf(&b, "%q:", p.key)
		v, err := json.Marshal(p.value)
		if err != nil {
			return nil, err
		}
		b.Write(v)
	}
	if len(g) == 0 {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// emit writes a group as yaml. It is our own because it must read back exactly whatever a text holds,
// tabs, colons and words like null included.
func (g group) emit(b *bytes.Buffer, indent string) {
	for _, p := range g {
		b.WriteString(indent + word(p.key) + ":")
		switch v := p.value.(type) {
		case group:
			if len(v) == 0 {
				b.WriteString(" {}\n")
				continue
			}
			b.WriteByte('\n')
			v.emit(b, indent+"  ")
		case []any:
			emitList(b, v, indent+"  ")
		default:
			b.WriteString(" " + atom(v) + "\n")
		}
	}
}

// emitList writes plain values on the key's line, groups on lines of their own.
func emitList(b *bytes.Buffer, list []any, indent string) {
	if slices.ContainsFunc(list, func(v any) bool { _, ok := v.(group); return ok }) {
		b.WriteByte('\n')
		for _, v := range list {
			var element bytes.Buffer
			v.(group).emit(&element, indent+"  ")
			b.WriteString(indent + "- " + strings.TrimPrefix(element.String(), indent+"  "))
		}
		return
	}
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = atom(v)
	}
	b.WriteString(" [" + strings.Join(parts, ", ") + "]\n")
}

func atom(v any) string {
	if s, ok := v.(string); ok {
		return word(s)
	}
	return fmt.Sprint(v)
}

// plain are the texts that mean themselves in yaml without quotes, inside lists too.
func plain(s string) bool {
	ok, err := regexp.MatchString(`^[A-Za-z0-9_./][A-Za-z0-9_./-]*$`, s)
	if err != nil || !ok {
		return false
	}
	switch strings.ToLower(s) {
	case "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".inf", ".nan", ".", "..":
		return false
	}
	return true
}

// word writes a text, in quotes where yaml would take it for something else.
func word(s string) string {
	if plain(s) {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("config: a string has no JSON form: " + err.Error())
	}
	return strings.TrimSuffix(b.String(), "\n")
}
