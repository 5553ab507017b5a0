//go:build matprofile

package mattest

import "gocv.io/x/gocv"

// open is how many Mats nobody has closed.
func open() int { return gocv.MatProfile.Count() }
