//go:build !matprofile

package picture

func openMats() int { return 0 }
