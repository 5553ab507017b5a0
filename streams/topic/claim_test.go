package topic_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nearfar/nearfar/streams/topic"
)

const tenants = "frames.trainers"

// claimant of the group "yard", at work in a folder.
func claimant(owner string, lease time.Duration) topic.Claimant {
	return topic.Claimant{Group: "yard", Owner: owner, Host: "host-of-" + owner, PID: 7, Lease: lease}
}

func tenancy(t *testing.T) topic.Config {
	t.Helper()
	_, cfg := cluster(t)
	if err := topic.Ensure(minute(t), cfg, topic.Tenants("frames", 1)); err != nil {
		t.Fatal(err)
	}
	return cfg
}

func claimed(t *testing.T, cfg topic.Config, c topic.Claimant) *topic.Tenure {
	t.Helper()
	tenure, err := topic.Claim(minute(t), cfg, tenants, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tenure.Close() })
	return tenure
}

func TestASecondTrainerIsRefusedAndAfterwardsWelcome(t *testing.T) {
	cfg := tenancy(t)
	first := claimed(t, cfg, claimant("a", time.Second))
	waited := ""
	second := claimant("b", 20*time.Second) // it looks for so long, and sees a sign of life sooner
	second.Wait = func(holder string) { waited = holder }
	_, err := topic.Claim(minute(t), cfg, tenants, second)
	if !errors.Is(err, topic.ErrClaimed) || !strings.Contains(err.Error(), "on host host-of-a as process 7 (epoch 1)") || waited == "" {
		t.Fatalf("the second one: %v, waited for %q", err, waited)
	}
	if err := first.Check(minute(t)); err != nil || first.Epoch() != 1 {
		t.Errorf("the first one is no more: %v, epoch %d", err, first.Epoch())
	}
	other := claimant("c", time.Second)
	other.Group = "door"
	if tenure := claimed(t, cfg, other); tenure.Epoch() != 1 {
		t.Errorf("another group begins with epoch %d", tenure.Epoch())
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	waited = ""
	if tenure := claimed(t, cfg, second); tenure.Epoch() != 2 || waited != "" {
		t.Errorf("when the first has left: epoch %d, waited for %q", tenure.Epoch(), waited)
	}
}

// A zombie is a trainer that stood still, for longer than its lease, and does not know.
func TestFaultOfAZombieIsFenced(t *testing.T) {
	cfg := tenancy(t)
	zombie := claimed(t, cfg, claimant("a", 400*time.Millisecond))
	zombie.Freeze()
	next := claimed(t, cfg, claimant("b", 400*time.Millisecond))
	if next.Epoch() != 2 {
		t.Errorf("epoch %d", next.Epoch())
	}
	err := zombie.Check(minute(t))
	if !errors.Is(err, topic.ErrFenced) || !strings.Contains(err.Error(), "host-of-b") {
		t.Errorf("back again, it is told %v", err)
	}
	select {
	case <-zombie.Lost():
	default:
		t.Error("nobody is told")
	}
	if err := next.Check(minute(t)); err != nil {
		t.Errorf("its beat has fenced the other: %v", err)
	}
	if err := zombie.Close(); err != nil {
		t.Error(err)
	}
	third := claimant("c", 20*time.Second)
	if _, err := topic.Claim(minute(t), cfg, tenants, third); !errors.Is(err, topic.ErrClaimed) {
		t.Errorf("the zombie's end has freed what is the other's: %v", err)
	}
}

func TestASilenceThatNobodyUsedIsForgiven(t *testing.T) {
	cfg := tenancy(t)
	tenure := claimed(t, cfg, claimant("a", 200*time.Millisecond))
	tenure.Freeze()
	time.Sleep(250 * time.Millisecond)
	if err := tenure.Check(minute(t)); err != nil {
		t.Error(err)
	}
}

// The dead of the same folder are not waited for: its lock says that they are dead.
func TestTheNextLifeOfARunTakesOverAtOnce(t *testing.T) {
	cfg := tenancy(t)
	dead := claimed(t, cfg, claimant("a", time.Hour))
	dead.Freeze()
	again := claimed(t, cfg, claimant("a", time.Hour))
	if again.Epoch() != 2 {
		t.Errorf("epoch %d", again.Epoch())
	}
	forgotten := claimant("z", time.Hour) // a topic that has forgotten all about it
	forgotten.Group, forgotten.Epoch = "attic", 41
	if tenure := claimed(t, cfg, forgotten); tenure.Epoch() != 42 {
		t.Errorf("epoch %d follows 41", tenure.Epoch())
	}
}

// Many begin at the same moment, round after round: each time one of them is let in.
func TestOfManyClaimsOneStands(t *testing.T) {
	cfg := tenancy(t)
	for round := range 3 {
		const many = 6
		var mu sync.Mutex
		var in []*topic.Tenure
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() {
				tenure, err := topic.Claim(minute(t), cfg, tenants, claimant(fmt.Sprint(i), 3*time.Second))
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					in = append(in, tenure)
				} else if !errors.Is(err, topic.ErrClaimed) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(in) != 1 || in[0].Check(minute(t)) != nil || in[0].Epoch() != uint64(round+1) {
			t.Fatalf("round %d: %d of %d were let in", round, len(in), many)
		}
		if err := in[0].Close(); err != nil {
			t.Error(err)
		}
	}
}

// The holder's beat is under way while another finds that it has been silent for a lease: the beat lands, then the
// claim. The holder is fenced, but it may be sure of itself for a lease: for so long the other one waits.
func TestFaultOfABeatThatComesTooLateIsWaitedOut(t *testing.T) {
	cfg := tenancy(t)
	const lease = 600 * time.Millisecond
	late := claimed(t, cfg, claimant("a", lease))
	late.Freeze()
	var sure time.Time
	next, err := topic.ClaimAfter(minute(t), cfg, tenants, claimant("b", lease), func() {
		sure = time.Now()
		if err := late.Check(minute(t)); err != nil {
			t.Errorf("nobody has claimed it yet, and it is told %v", err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if alone := time.Since(sure); alone < lease {
		t.Errorf("one is sure of itself for %v, the other began after %v", lease, alone)
	}
	if err := late.Check(minute(t)); !errors.Is(err, topic.ErrFenced) {
		t.Errorf("the one that was late is told %v", err)
	}
}
