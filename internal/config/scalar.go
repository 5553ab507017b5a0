package config

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

// errType marks that a text is no value of the type; its message says what would be.
var errType = errors.New("")

// wrong says what would have been a value; the caller says what was written.
func wrong(format string, args ...any) error {
	return fmt.Errorf("%w"+format, append([]any{errType}, args...)...)
}

// setText reads a text into a value of any scalar kind.
//
// Errors that wrap errType only say what was expected ("must be a number"), since the text may be secret.
func setText(v reflect.Value, s string) error {
	if v.Type() == reflect.TypeFor[time.Time]() {
		return setTime(v, s)
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(s))
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d, err := time.ParseDuration(s)
		if err != nil {
			return wrong("must be a duration like 200ms, 10s or 1h30m")
		}
		v.SetInt(int64(d))
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Bool:
		return setBool(v, s)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(s, 0, v.Type().Bits())
		if err != nil {
			return wrong("must be a whole number of at most %d bits", v.Type().Bits())
		}
		v.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(s, 0, v.Type().Bits())
		if err != nil {
			return wrong("must be a whole number, not negative, of at most %d bits", v.Type().Bits())
		}
		v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(s, v.Type().Bits())
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			return wrong("must be a number")
		}
		v.SetFloat(f)
	default:
		panic("config: no yaml form for " + v.Type().String())
	}
	return nil
}

// setBool takes yaml's two words and no others: yes and 1 are more often mistakes than truths.
func setBool(v reflect.Value, s string) error {
	switch s {
	case "true", "True", "TRUE":
		v.SetBool(true)
	case "false", "False", "FALSE":
		v.SetBool(false)
	default:
		return wrong("must be true or false")
	}
	return nil
}

func setTime(v reflect.Value, s string) error {
	if s == "" {
		v.SetZero()
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return wrong("must be a time like 2026-01-31T12:00:00Z")
	}
	v.Set(reflect.ValueOf(t.UTC()))
	return nil
}
