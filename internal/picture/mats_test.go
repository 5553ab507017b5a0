//go:build matprofile

package picture

import "gocv.io/x/gocv"

// openMats counts the Mats that nobody has closed; gocv keeps count only under this build tag.
func openMats() int { return gocv.MatProfile.Count() }
