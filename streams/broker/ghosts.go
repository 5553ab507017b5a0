package broker

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ghosts finds members of consumer groups that have died unnoticed, and makes them leave. kfake begins to count a
// member's silence only once it has told the member that it has joined; one that was killed while it waited for that
// answer stays, and its partitions are read by nobody. Kafka's own coordinator drops it after its session timeout,
// and so do we.
type ghosts struct {
	cluster *kfake.Cluster
	addr    string
	log     *slog.Logger

	mu     sync.Mutex // never held while the cluster is asked: the cluster's loop waits for it
	groups map[string]*life
}

// life is what is known of a group's members.
type life struct {
	session    time.Duration // the longest silence that any member asked to be allowed
	generation int32
	heard      map[string]time.Time // when each member of this generation was last heard
}

const (
	lookEvery    = time.Second
	leaveTimeout = 5 * time.Second
)

// watchGhosts begins to listen to what members of groups send.
func watchGhosts(cluster *kfake.Cluster, addr string, log *slog.Logger) *ghosts {
	g := &ghosts{cluster: cluster, addr: addr, log: log, groups: map[string]*life{}}
	for _, key := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup, kmsg.Heartbeat} {
		cluster.ControlKey(key.Int16(), func(r kmsg.Request) (kmsg.Response, error, bool) {
			g.hear(r, time.Now())
			return nil, nil, false // the cluster answers
		})
	}
	return g
}

// hear notes that a member lives.
func (g *ghosts) hear(r kmsg.Request, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch r := r.(type) {
	case *kmsg.JoinGroupRequest:
		l := g.groups[r.Group]
		if l == nil {
			l = &life{heard: map[string]time.Time{}}
			g.groups[r.Group] = l
		}
		l.session = max(l.session, time.Duration(r.SessionTimeoutMillis)*time.Millisecond)
	case *kmsg.SyncGroupRequest:
		g.groups[r.Group].note(r.MemberID, now)
	case *kmsg.HeartbeatRequest:
		g.groups[r.Group].note(r.MemberID, now)
	}
}

func (l *life) note(member string, now time.Time) {
	if l != nil { // a group that joined before this broker started has its clocks in kfake
		l.heard[member] = now
	}
}

// run looks for ghosts until stop is closed.
func (g *ghosts) run(stop <-chan struct{}) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-stop:
			return
		}
		g.mu.Lock()
		names := slices.Collect(maps.Keys(g.groups))
		g.mu.Unlock()
		for _, name := range names {
			for _, member := range g.silent(name, g.cluster.GroupInfo(name), time.Now()) {
				g.expel(name, member)
			}
		}
	}
}

// silent are the members that said nothing for a session timeout while nobody else was waited for: members that wait
// to join, or for others to, are silent by right.
func (g *ghosts) silent(name string, info *kfake.GroupInfo, now time.Time) (members []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l := g.groups[name]
	switch {
	case info == nil || len(info.Members) == 0:
		delete(g.groups, name)
		return nil
	case info.State != "Stable" || info.Epoch != l.generation:
		l.generation = info.Epoch
		clear(l.heard)
		return nil
	}
	for _, m := range info.Members {
		last, known := l.heard[m.MemberID]
		switch {
		case !known:
			l.heard[m.MemberID] = now
		case now.Sub(last) > l.session:
			members = append(members, m.MemberID)
		}
	}
	return members
}

// expel leaves a group in a member's name. The request goes to where the broker listens, whatever it advertises.
func (g *ghosts) expel(group, member string) {
	g.log.Warn("embedded broker: a member of a group said nothing for its session timeout and leaves", "group", group, "member", member)
	client, err := kgo.NewClient(kgo.SeedBrokers(g.addr))
	if err == nil {
		defer client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
		defer cancel()
		leave := kmsg.NewPtrLeaveGroupRequest()
		leave.Group = group
		leaving := kmsg.NewLeaveGroupRequestMember()
		leaving.MemberID = member
		leave.Members = append(leave.Members, leaving)
		var answer kmsg.Response
		if answer, err = client.SeedBrokers()[0].Request(ctx, leave); err == nil {
			left := answer.(*kmsg.LeaveGroupResponse)
			err = kerr.ErrorForCode(left.ErrorCode)
			for _, m := range left.Members {
				err = errors.Join(err, kerr.ErrorForCode(m.ErrorCode))
			}
		}
	}
	if err != nil { // the next look tries again
		g.log.Error("embedded broker: a silent member of a group could not be removed", "group", group, "member", member, "err", err)
	}
}
