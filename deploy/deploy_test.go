// Package deploy_test checks what can be checked of deploy/ without a container engine.
package deploy_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/nearfar/nearfar/internal/catalog"
	"github.com/nearfar/nearfar/internal/config"
	_ "github.com/nearfar/nearfar/internal/picture" // links OpenCV
	_ "github.com/nearfar/nearfar/model/kernel"     // links oneDNN
)

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// service is what these tests look at of a compose service.
type service struct {
	Image, Build, Restart any
	Command               []string
	DependsOn             map[string]struct{ Condition string } `yaml:"depends_on"`
	Environment           map[string]any
	Healthcheck           map[string]any
	Volumes, Ports        []string
}

func compose(t *testing.T) (services map[string]service, volumes map[string]any) {
	t.Helper()
	var file struct {
		Services map[string]service
		Volumes  map[string]any
	}
	if err := yaml.Unmarshal([]byte(read(t, "compose.yaml")), &file); err != nil {
		t.Fatalf("compose.yaml: %v", err)
	}
	return file.Services, file.Volumes
}

func TestComposeRunsThePartsBesideKafka(t *testing.T) {
	services, volumes := compose(t)
	for _, part := range []string{"ingest", "train", "embed"} {
		s := services[part]
		if len(s.Command) < 3 || s.Command[0] != part || s.Command[1] != "--config" || s.Build == nil {
			t.Errorf("%s runs %q", part, s.Command)
			continue
		}
		if s.DependsOn["kafka"].Condition != "service_healthy" {
			t.Errorf("%s does not wait for kafka", part)
		}
		if !slices.Contains(s.Volumes, "./compose.nearfar.yaml:"+s.Command[2]+":ro") {
			t.Errorf("%s reads %s, which is not mounted", part, s.Command[2])
		}
	}
	if services["kafka"].Healthcheck["test"] == nil {
		t.Error("kafka has no healthcheck to wait for")
	}
	for name, s := range services {
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, declared := volumes[from]; !declared && !strings.HasPrefix(from, "./") {
				t.Errorf("%s mounts the undeclared volume %s", name, from)
			}
		}
		for _, p := range s.Ports {
			if !strings.HasPrefix(p, "127.0.0.1:") {
				t.Errorf("%s opens port %s to the network", name, p)
			}
		}
	}
}

func TestComposeConfigIsRightAndNamesTheBroker(t *testing.T) {
	c, err := config.Load("compose.nearfar.yaml", config.Options{
		Checks: []func(*config.Config, config.Report){config.NeedSources, config.NeedBrokers, catalog.Check},
	})
	if err != nil {
		t.Fatal(err)
	}
	services, _ := compose(t)
	advertised, _ := services["kafka"].Environment["KAFKA_ADVERTISED_LISTENERS"].(string)
	for _, b := range c.Kafka.Brokers {
		if !strings.Contains(advertised, "://"+b+",") {
			t.Errorf("the configuration's broker %s is none of %s", b, advertised)
		}
	}
}

// TestEmbedFollowsTheRunThatTrainWrites: two services that agree on a folder.
func TestEmbedFollowsTheRunThatTrainWrites(t *testing.T) {
	services, _ := compose(t)
	after := func(part, flag string) string {
		command := services[part].Command
		if at := slices.Index(command, flag); at >= 0 && at+1 < len(command) {
			return command[at+1]
		}
		t.Fatalf("%s has no %s", part, flag)
		return ""
	}
	run := after("train", "--out")
	if got := after("embed", "--checkpoint"); got != run {
		t.Errorf("embed takes its weights from %s, train writes to %s", got, run)
	}
	for _, part := range []string{"train", "embed"} {
		folder := after(part, "--out")
		if !slices.ContainsFunc(services[part].Volumes, func(v string) bool {
			_, at, _ := strings.Cut(v, ":")
			return strings.HasPrefix(folder, at+"/")
		}) {
			t.Errorf("%s writes to %s, which is on no volume", part, folder)
		}
	}
}

// stages splits the Dockerfile at its FROM lines.
func stages(t *testing.T) []string {
	t.Helper()
	s := strings.Split("\n"+read(t, "Dockerfile"), "\nFROM ")[1:]
	if len(s) != 2 {
		t.Fatalf("%d stages, want one that builds and one that runs", len(s))
	}
	return s
}

var packageName = regexp.MustCompile(`(?m)^ +(lib[a-z0-9-]+|ca-certificates) \\$`)

func runtimePackages(t *testing.T) (names []string) {
	t.Helper()
	for _, m := range packageName.FindAllStringSubmatch(stages(t)[1], -1) {
		names = append(names, m[1])
	}
	return names
}

func TestImageRunsAsAnOrdinaryUser(t *testing.T) {
	run := stages(t)[1]
	user := strings.LastIndex(run, "\nUSER nearfar\n")
	if user < 0 || user < strings.LastIndex(run, "\nRUN ") || user > strings.Index(run, "\nENTRYPOINT ") {
		t.Error("the image does not end as user nearfar")
	}
	if !strings.Contains(run, "\nHEALTHCHECK NONE\n") {
		t.Error("the image does not say that it has no healthcheck")
	}
}

// TestImageHasTheLibrariesTheBinaryLinksTo reads them from this test's own binary, which links the same
// packages.
func TestImageHasTheLibrariesTheBinaryLinksTo(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(self)
	if err != nil {
		t.Skipf("SKIPPED: not an ELF binary: %v", err)
	}
	defer f.Close()
	needed, err := f.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	opencv := regexp.MustCompile(`^libopencv_([a-z0-9]+)\.so\.406$`)
	var want []string
	for _, lib := range needed {
		if m := opencv.FindStringSubmatch(lib); m != nil {
			want = append(want, "libopencv-"+m[1]+"406")
		} else if lib == "libdnnl.so.2" {
			want = append(want, "libdnnl2")
		} else if strings.HasPrefix(lib, "libdnnl") || strings.HasPrefix(lib, "libopencv") {
			t.Skipf("SKIPPED: built on %s, not on the image's Debian 12", lib)
		}
	}
	want = append(want, "ca-certificates")
	slices.Sort(want)
	got := runtimePackages(t)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the image installs\n%s\nthe binary needs\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestImagePackagesExist(t *testing.T) {
	if !strings.Contains(stages(t)[1], "debian:bookworm") {
		t.Error("the image is not based on Debian 12")
	}
	release, _ := os.ReadFile("/etc/os-release")
	if !strings.Contains(string(release), "VERSION_CODENAME=bookworm") {
		t.Skip("SKIPPED: apt here is not that of Debian 12")
	}
	names := runtimePackages(t)
	out, err := exec.Command("apt-cache", append([]string{"show", "--no-all-versions"}, names...)...).CombinedOutput()
	for _, p := range names {
		if !strings.Contains(string(out), "Package: "+p+"\n") {
			t.Errorf("apt has no package %s: %v", p, err)
		}
	}
}
