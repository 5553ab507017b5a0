// Package still streams folders of pictures as if a camera had taken them.
//
// A folder whose entries are folders is a stream of scenes: subfolders in natural order (img2 before img10),
// the pictures of each in natural order, and a pause between scenes that ends them for the sampler. The
// pictures of the folder itself come first. Symbolic links are followed.
package still
