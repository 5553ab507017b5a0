package finetune

import "github.com/nearfar/nearfar/internal/seed"

// deck deals n pictures out, all of them, and then again in another order: every picture is shown equally
// often, whatever the batch is.
type deck struct {
	seed  seed.Seed
	n     uint64
	pass  uint64 // that order belongs to
	order []int
}

// draw is the picture of the at-th place, counted from the first step on, and a lot of its own.
func (d *deck) draw(at uint64) (row int, lot bool) {
	if pass := at / d.n; d.order == nil || pass != d.pass {
		d.pass, d.order = pass, d.seed.At("order").Rand(pass).Perm(int(d.n))
	}
	return d.order[at%d.n], d.seed.At("mirror").Uint64(at)%2 == 1
}
