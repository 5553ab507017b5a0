package bank

// names gives strings small numbers for as long as somebody uses them, so that scanning a bank compares
// integers, and a stream of ever new rigs does not grow it.
type names struct {
	number map[string]int32
	name   []string // by number
	users  []int    // by number
	free   []int32  // numbers nobody uses
}

func newNames() names { return names{number: map[string]int32{}} }

// take is the number of a name, with one more user.
func (n *names) take(s string) int32 {
	id, ok := n.number[s]
	if !ok {
		if last := len(n.free) - 1; last >= 0 {
			id, n.free = n.free[last], n.free[:last]
			n.name[id] = s
		} else {
			id = int32(len(n.name))
			n.name, n.users = append(n.name, s), append(n.users, 0)
		}
		n.number[s] = id
	}
	n.users[id]++
	return id
}

// drop is one user less.
func (n *names) drop(id int32) {
	if n.users[id]--; n.users[id] == 0 {
		delete(n.number, n.name[id])
		n.name[id] = ""
		n.free = append(n.free, id)
	}
}

// find is the number of a name, or -1 where nobody uses it.
func (n *names) find(s string) int32 {
	if id, ok := n.number[s]; ok {
		return id
	}
	return -1
}
