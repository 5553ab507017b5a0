package deploy_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/nearfar/nearfar/internal/metrics"
)

// query is one expression, and where it stands.
type query struct{ where, expr string }

func dashboardQueries(t *testing.T) (out []query) {
	t.Helper()
	var d struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ H, W, X, Y int }
			Targets []struct{ Expr, LegendFormat string }
		}
		Templating struct{ List []struct{ Query any } }
	}
	if err := json.Unmarshal([]byte(read(t, "grafana/dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.GridPos.W < 1 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %s has the id of another, or no place", p.Title)
		}
		ids[p.ID] = true
		for _, target := range p.Targets {
			out = append(out, query{"panel " + p.Title, target.Expr})
			for _, m := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(target.LegendFormat, -1) {
				if m[1] != "instance" && !slices.Contains(labelsIn(target.Expr), m[1]) {
					t.Errorf("panel %s: its legend names %s, which %s does not have", p.Title, m[1], target.Expr)
				}
			}
		}
	}
	return out
}

func alertQueries(t *testing.T) (out []query) {
	t.Helper()
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "prometheus/alerts.yml")), &file); err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || r.Annotations["summary"] == "" || !slices.Contains([]string{"page", "warn"}, r.Labels["severity"]) {
				t.Errorf("alert %+v lacks its name, summary or severity", r)
			}
			out = append(out, query{"alert " + r.Alert, r.Expr})
		}
	}
	return out
}

var ours = regexp.MustCompile(`\bnearfar_[a-z0-9_]+`)

// families are nearfar's metrics by full name.
func families() map[string]metrics.Family {
	out := map[string]metrics.Family{}
	for _, f := range metrics.Families() {
		out[metrics.Prefix+f.Name] = f
	}
	return out
}

// labelsIn are the labels of all families that an expression reads.
func labelsIn(expr string) (out []string) {
	for _, name := range ours.FindAllString(expr, -1) {
		out = append(out, families()[name].Labels...)
	}
	return out
}

func TestDashboardAndAlertsReadMetricsThatExist(t *testing.T) {
	all := families()
	shown := map[string]bool{}
	queries := append(dashboardQueries(t), alertQueries(t)...)
	if len(queries) < 30 {
		t.Errorf("only %d expressions were looked at", len(queries))
	}
	grouped, selected := regexp.MustCompile(`\bby \(([^)]*)\)`), regexp.MustCompile(`\{([^}]*)\}`)
	for _, q := range queries {
		if strings.Count(q.expr, "(") != strings.Count(q.expr, ")") {
			t.Errorf("%s: brackets do not match in %s", q.where, q.expr)
		}
		for _, name := range ours.FindAllString(q.expr, -1) {
			f, ok := all[name]
			if !ok {
				t.Errorf("%s reads %s, which nearfar does not tell", q.where, name)
			}
			shown[name] = true
			counted := regexp.MustCompile(`(rate|increase)\(` + name + `[{[]`).MatchString(q.expr)
			if isCounter := strings.HasSuffix(f.Name, "_total"); isCounter != counted {
				t.Errorf("%s: %s is read as if it were another kind of metric", q.where, name)
			}
		}
		known := append(labelsIn(q.expr), "instance", "job")
		var used []string
		for _, m := range grouped.FindAllStringSubmatch(q.expr, -1) {
			used = append(used, strings.Split(m[1], ",")...)
		}
		for _, m := range selected.FindAllStringSubmatch(q.expr, -1) {
			for _, pair := range strings.Split(m[1], ",") {
				label, _, _ := strings.Cut(pair, "=")
				used = append(used, label)
			}
		}
		for _, label := range used {
			if label = strings.TrimSpace(label); !slices.Contains(known, label) {
				t.Errorf("%s: there is no label %s in %s", q.where, label, q.expr)
			}
		}
	}
	for name := range all {
		if !shown[name] {
			t.Errorf("neither the dashboard nor an alert shows %s", name)
		}
	}
}
