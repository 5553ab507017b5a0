package config

import _ "embed"

// schema is generated from the structs and their comments; TestSchemaIsFresh fails when it is stale.
//
//go:generate go test -run TestSchemaIsFresh . -update
//go:embed schema.json
var schema []byte

// Schema is the JSON Schema (2020-12) of the configuration file, for editors.
func Schema() []byte { return append([]byte(nil), schema...) }
