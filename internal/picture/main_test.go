package picture

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain also counts the Mats that all tests together have left open (go test -tags matprofile).
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if n := openMats(); n != 0 {
			fmt.Fprintf(os.Stderr, "%d Mats were left open\n", n)
			code = max(code, 1)
		}
		os.Exit(code)
	}))
}
