package topic

import (
	"errors"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/nearfar/nearfar/streams/frame"
)

// Nothing is left of a partition that an order names: it is waited for while its broker does not answer, and given up
// once that does and nothing comes.
func TestAnOrderWaitsForABrokerAndNotForWhatIsGone(t *testing.T) {
	now := time.Now()
	gone, other := &partition{id: 0, next: 5, read: 5, emptied: now}, &partition{id: 1, head: &kafka.Message{}, emptied: now}
	r := &Reader{parts: []*partition{gone, other}, order: []frame.Ref{{Partition: 7}, {Partition: 0, Offset: 4}, {Partition: 0, Offset: 5}}}
	if p := r.due(now.Add(stallAfter)); p != nil {
		t.Errorf("partition %d came before its turn", p.id)
	}
	gone.trouble = trouble{last: now.Add(stallAfter), err: errors.New("away")}
	if p := r.due(now.Add(2 * stallAfter)); p != nil {
		t.Errorf("partition %d came before its turn, while a broker was away", p.id)
	}
	if p := r.due(now.Add(2*stallAfter + time.Second)); p != other || r.order != nil {
		t.Errorf("it still waits: %v, %v", p, r.order)
	}
}
