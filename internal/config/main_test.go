package config

import (
	"flag"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write schema.json anew")
	os.Exit(m.Run())
}
