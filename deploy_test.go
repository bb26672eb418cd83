package tapedeck_test

import (
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The files of deploy cannot be run by these tests, so they are read: every name in them must be one
// that exists where it points to.

// compose is what may stand in docker-compose.yml: a word that is not here is taken for a slip.
type compose struct {
	Name     string             `yaml:"name"`
	Services map[string]service `yaml:"services"`
	Volumes  map[string]any     `yaml:"volumes"`
}

type service struct {
	Image       string            `yaml:"image"`
	Build       map[string]string `yaml:"build"`
	Command     []string          `yaml:"command"`
	Environment map[string]any    `yaml:"environment"`
	Ports       []string          `yaml:"ports"`
	Volumes     []string          `yaml:"volumes"`
	DependsOn   map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
	HealthCheck *struct {
		Test        []string `yaml:"test"`
		Disable     bool     `yaml:"disable"`
		Interval    string   `yaml:"interval"`
		Timeout     string   `yaml:"timeout"`
		StartPeriod string   `yaml:"start_period"`
		Retries     int      `yaml:"retries"`
	} `yaml:"healthcheck"`
	Ulimits     map[string]int `yaml:"ulimits"`
	ReadOnly    bool           `yaml:"read_only"`
	CapDrop     []string       `yaml:"cap_drop"`
	SecurityOpt []string       `yaml:"security_opt"`
	StopGrace   string         `yaml:"stop_grace_period"`
	Restart     string         `yaml:"restart"`
}

func (s service) ours() bool { return s.Image == "tapedeck" }
func (s service) once() bool { return s.Restart == "no" }

func (s service) healthy() bool { return s.HealthCheck != nil && len(s.HealthCheck.Test) > 1 }

func readCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	if err := yaml.UnmarshalWithOptions([]byte(read(t, "docker-compose.yml")), &c, yaml.DisallowUnknownField()); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestComposeHangsTogether(t *testing.T) {
	c := readCompose(t)
	for _, name := range []string{"kafka", "clickhouse", "market", "streamer"} {
		if _, ok := c.Services[name]; !ok {
			t.Fatalf("there is no service %s", name)
		}
	}
	for name, s := range c.Services {
		for _, fault := range c.faults(s) {
			t.Errorf("%s: %s", name, fault)
		}
	}
}

// faults says what of a service does not fit the rest of the file.
func (c compose) faults(s service) (out []string) {
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if len(s.Ports) > 0 && !s.healthy() {
		say("is reached from outside but has no health check")
	}
	if !s.once() && (s.HealthCheck == nil || s.StopGrace == "") {
		say("runs on but says nothing of its health or of how long it takes to stop")
	}
	for _, port := range s.Ports {
		if !strings.HasPrefix(port, "127.0.0.1:") {
			say("port %s is open to the network", port)
		}
	}
	for _, v := range s.Volumes {
		if volume, _, _ := strings.Cut(v, ":"); !hasKey(c.Volumes, volume) {
			say("volume %s is not declared", volume)
		}
	}
	for on, how := range s.DependsOn {
		other, ok := c.Services[on]
		switch {
		case !ok:
			say("depends on %s, which there is not", on)
		case how.Condition == "service_healthy" && !other.healthy():
			say("waits for the health of %s, which has no check", on)
		case how.Condition == "service_completed_successfully" && !other.once():
			say("waits for the end of %s, which does not end", on)
		}
	}
	if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
		say("may gain privileges")
	}
	if s.ours() && (!s.ReadOnly || !slices.Contains(s.CapDrop, "ALL")) {
		say("our image needs neither capabilities nor a place to write")
	}
	return out
}

func hasKey[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}

func TestComposeChecksHaveTeeth(t *testing.T) {
	c := readCompose(t)
	good := c.Services["streamer"]
	plant := map[string]func(*service){
		"no health check":     func(s *service) { s.HealthCheck = nil },
		"open to the network": func(s *service) { s.Ports = []string{"9090:9090"} },
		"is not declared":     func(s *service) { s.Volumes = []string{"elsewhere:/data"} },
		"which there is not": func(s *service) {
			s.DependsOn = maps.Clone(s.DependsOn)
			s.DependsOn["zookeeper"] = s.DependsOn["topics"]
		},
		"may gain":         func(s *service) { s.SecurityOpt = nil },
		"a place to write": func(s *service) { s.ReadOnly = false },
	}
	for want, change := range plant {
		bad := good
		change(&bad)
		if got := strings.Join(c.faults(bad), "\n"); !strings.Contains(got, want) {
			t.Errorf("found %q, want %q", got, want)
		}
	}
}

// flags are the commands and flags that the reference documents.
func flags(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, m := range regexp.MustCompile(`--([a-z][a-z0-9-]*)|streamer ([a-z][a-z-]+)`).FindAllStringSubmatch(read(t, "docs/cli.md"), -1) {
		known["--"+m[1]] = true
		known[m[2]] = true
	}
	return known
}

func TestDeployUsesFlagsThatExist(t *testing.T) {
	known := flags(t)
	check := func(where string, words []string) {
		for i, word := range words {
			flag, _, _ := strings.Cut(word, "=")
			if (i == 0 || strings.HasPrefix(flag, "--")) && !known[flag] {
				t.Errorf("%s: docs/cli.md knows no %s", where, flag)
			}
		}
	}
	for name, s := range readCompose(t).Services {
		if s.ours() {
			check("docker-compose.yml, "+name, s.Command)
		}
	}
	unit := read(t, "deploy/systemd/tapedeck.service")
	for _, m := range regexp.MustCompile(`(?m)^(?:ExecStart=\S+/streamer |#\s+STREAMER_FLAGS=)(.*)$`).FindAllStringSubmatch(unit, -1) {
		words := strings.Fields(m[1])
		if strings.HasPrefix(words[0], "--") {
			words = append([]string{"serve"}, words...)
		}
		check("tapedeck.service", words)
	}
	for _, line := range regexp.MustCompile(`(?m)^bin/streamer (.*?)(?:\s+#.*)?$`).FindAllStringSubmatch(read(t, "README.md"), -1) {
		check("README.md", strings.Fields(line[1]))
	}
}

// The streamer reads the topic that is made, from the address at which Kafka says it is.
func TestComposeNamesOneKafka(t *testing.T) {
	c := readCompose(t)
	advertised := fmt.Sprint(c.Services["kafka"].Environment["KAFKA_ADVERTISED_LISTENERS"])
	for name, s := range c.Services {
		for _, word := range s.Command {
			flag, value, _ := strings.Cut(word, "=")
			switch strings.TrimLeft(flag, "-") {
			case "brokers", "bootstrap-server":
				if !strings.Contains(advertised, "INTERNAL://"+value) {
					t.Errorf("%s connects to %s, but Kafka is at %s", name, value, advertised)
				}
			case "feed":
				_, topic, _ := strings.Cut(value, "=")
				if !slices.Contains(c.Services["topics"].Command, "--topic="+topic) {
					t.Errorf("%s reads %s, which nobody makes", name, topic)
				}
			}
		}
	}
}

func TestDockerfile(t *testing.T) {
	text := read(t, "deploy/Dockerfile")
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))[1]
	for _, want := range []string{
		"FROM --platform=$BUILDPLATFORM golang:" + version + " AS build",
		"FROM gcr.io/distroless/static-debian13:nonroot",
		"CGO_ENABLED=0", "-trimpath", "-X main.version=$VERSION",
		"./cmd/streamer ./cmd/replay",
		"COPY --from=build",
		"USER 65532:65532",
		"EXPOSE 8080 9090",
		`CMD ["/usr/local/bin/streamer", "healthcheck"]`,
		`ENTRYPOINT ["/usr/local/bin/streamer"]`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("deploy/Dockerfile: there is no %q", want)
		}
	}
	stages := strings.Split(text, "\nFROM ")
	if last := stages[len(stages)-1]; strings.Contains(last, "\nRUN ") {
		t.Error("deploy/Dockerfile: the last image has no shell to RUN with")
	}
	streamer := readCompose(t).Services["streamer"]
	for _, port := range streamer.Ports {
		inside := port[strings.LastIndexByte(port, ':')+1:]
		if !regexp.MustCompile(`(?m)^EXPOSE .*\b` + inside + `\b`).MatchString(text) {
			t.Errorf("docker-compose.yml opens %s, which deploy/Dockerfile does not expose", inside)
		}
	}
}

// What the programs are built from reaches the builder.
func TestDockerignoreKeepsTheSource(t *testing.T) {
	kept := strings.Fields(read(t, ".dockerignore"))
	out, err := exec.Command("go", "list", "-deps", "./cmd/...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	for _, pkg := range strings.Fields(string(out)) {
		if rest, ours := strings.CutPrefix(pkg, module+"/"); ours {
			if top, _, _ := strings.Cut(rest, "/"); !slices.Contains(kept, "!"+top) {
				t.Errorf(".dockerignore keeps %s from the builder, but %s is built from it", top, pkg)
			}
		}
	}
}
