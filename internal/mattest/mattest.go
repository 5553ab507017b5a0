// Package mattest looks for what the tests of a package have left open: goroutines and OpenCV's Mats.
package mattest

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// Main is the TestMain of a package that holds Mats. They are counted under the build tag matprofile alone, since
// gocv keeps count only there.
func Main(m *testing.M, o ...goleak.Option) {
	goleak.VerifyTestMain(m, append(o, goleak.Cleanup(func(code int) {
		if n := open(); n != 0 {
			fmt.Fprintf(os.Stderr, "%d Mats were left open\n", n)
			code = max(code, 1)
		}
		os.Exit(code)
	}))...)
}
