// Package twin holds the operations of package kernel as plain Go loops over float32 memory with float64
// sums: slow, easy to read, and what the tests hold the fast ones against. Layouts are the kernel's.
package twin
