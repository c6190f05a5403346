package main

import (
	"bufio"
	"bytes"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"rekey/bot/config"
	"rekey/state/redis"
)

const packaging = "../deploy/packaging"

// unpacked decodes a YAML file of the packaging; a key that into does not know
// fails, so that nothing is delivered which no test looks at.
func unpacked(t *testing.T, name string, into any) {
	t.Helper()
	in := yaml.NewDecoder(bytes.NewReader(packed(t, name)))
	in.KnownFields(true)
	if err := in.Decode(into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func packed(t *testing.T, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(packaging, name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// manifest is what we use of https://docs.slack.dev/reference/app-manifest.
type manifest struct {
	Metadata struct {
		Major int `yaml:"major_version"`
		Minor int `yaml:"minor_version"`
	} `yaml:"_metadata"`
	Display struct {
		Name        string
		Description string
		Background  string `yaml:"background_color"`
	} `yaml:"display_information"`
	Features struct {
		Bot struct {
			Name   string `yaml:"display_name"`
			Online bool   `yaml:"always_online"`
		} `yaml:"bot_user"`
		Commands []struct {
			Command, Description string
			Hint                 string `yaml:"usage_hint"`
			Escape               bool   `yaml:"should_escape"`
		} `yaml:"slash_commands"`
	}
	OAuth struct {
		Scopes struct{ Bot []yaml.Node }
	} `yaml:"oauth_config"`
	Settings struct {
		Events struct {
			Bot []string `yaml:"bot_events"`
		} `yaml:"event_subscriptions"`
		Interactivity struct {
			Enabled bool `yaml:"is_enabled"`
		}
		Socket   bool `yaml:"socket_mode_enabled"`
		Org      bool `yaml:"org_deploy_enabled"`
		Rotation bool `yaml:"token_rotation_enabled"`
	}
}

// scopesOf are the scopes that calls of Slack's client need, as
// https://docs.slack.dev/reference/methods lists them per method.
var scopesOf = map[string][]string{
	"AuthTestContext":               nil,
	"StartSocketModeContext":        nil, // connections:write, of the app-level token
	"PostMessageContext":            {"chat:write"},
	"UpdateMessageContext":          {"chat:write"},
	"PostEphemeralContext":          {"chat:write"},
	"AddReactionContext":            {"reactions:write"},
	"GetReactionsContext":           {"reactions:read"},
	"GetUserInfoContext":            {"users:read"},
	"GetUserGroupMembersContext":    {"usergroups:read"},
	"GetConversationInfoContext":    {"channels:read", "groups:read"},
	"OpenViewContext":               nil,
	"GetUploadURLExternalContext":   {"files:write"},
	"CompleteUploadExternalContext": {"files:write"},
	// Only where slack.history is set, which is for people to decide.
	"GetConversationRepliesContext": nil,
	"GetConversationHistoryContext": nil,
}

// scopesOfEvents are the same for events: https://docs.slack.dev/reference/events.
var scopesOfEvents = map[string]string{
	"reaction_added":          "reactions:read",
	"reaction_removed":        "reactions:read",
	"subteam_members_changed": "usergroups:read",
}

// mentioned collects a pattern's first group from the code of a folder, tests
// aside.
func mentioned(t *testing.T, folder, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(body, -1) {
			found[string(m[1])] = true
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s: nothing looks like %s: this test reads the code wrongly", folder, pattern)
	}
	return slices.Sorted(maps.Keys(found))
}

var hump = regexp.MustCompile(`([a-z])([A-Z])`)

// handled are the events that the chat takes, by Slack's names.
func handled(t *testing.T) []string {
	t.Helper()
	var events []string
	for _, name := range mentioned(t, "chat", `case \*slackevents\.(\w+)Event:`) {
		events = append(events, strings.ToLower(hump.ReplaceAllString(name, "${1}_${2}")))
	}
	return events
}

// TestManifestAsksForWhatIsUsed holds the app's permissions to the code: a call
// or an event more needs its scope, one less gives it back.
func TestManifestAsksForWhatIsUsed(t *testing.T) {
	var m manifest
	unpacked(t, "slack-manifest.yaml", &m)

	need := map[string]bool{"commands": true}
	for _, call := range mentioned(t, "chat", `\bclient\.(\w+Context)\(`) {
		scopes, known := scopesOf[call]
		if !known {
			t.Errorf("bot/chat calls %s: which scopes does it need?", call)
		}
		for _, s := range scopes {
			need[s] = true
		}
	}
	events := handled(t)
	for _, e := range events {
		scope, known := scopesOfEvents[e]
		if !known {
			t.Errorf("bot/chat handles %s: which scope does it need?", e)
		}
		need[scope] = true
	}
	var scopes []string
	for _, n := range m.OAuth.Scopes.Bot {
		scopes = append(scopes, n.Value)
		if n.LineComment == "" {
			t.Errorf("scope %s: nobody says why it is needed", n.Value)
		}
	}
	same(t, "scopes", slices.Sorted(maps.Keys(need)), scopes)
	same(t, "events", events, m.Settings.Events.Bot)

	var commands []string
	for _, c := range m.Features.Commands {
		commands = append(commands, c.Command)
	}
	same(t, "commands", mentioned(t, "../commands", `"(/rotate[a-z-]*)`), commands)
	if !m.Settings.Socket || !m.Settings.Interactivity.Enabled {
		t.Error("the bot hears nothing without Socket Mode, and no clicks without interactivity")
	}
	if m.Settings.Rotation {
		t.Error("tokens that Slack rotates end within hours; the bot reads them once")
	}
}

func same(t *testing.T, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(got))); diff != "" {
		t.Errorf("%s (-the code uses +the manifest has):\n%s", what, diff)
	}
}

// TestManifestHints: what /rotate takes is what Slack shows beside it.
func TestManifestHints(t *testing.T) {
	var m manifest
	unpacked(t, "slack-manifest.yaml", &m)
	hint := m.Features.Commands[0].Hint
	body, err := os.ReadFile("../commands/help.go")
	if err != nil {
		t.Fatal(err)
	}
	verbs := regexp.MustCompile("`/rotate ([a-z]+)[^`]*`").FindAllSubmatch(body, -1)
	if len(verbs) < 6 {
		t.Fatalf("only %d verbs were found: this test reads the code wrongly", len(verbs))
	}
	for _, v := range verbs {
		if !regexp.MustCompile(`(^|\| )` + string(v[1]) + `\b`).MatchString(hint) {
			t.Errorf("the hint %q lacks %s", hint, v[1])
		}
	}
}

// TestBlackboxNamesEveryCall: whoever builds a server to point Rekey at reads
// there what it will be asked.
func TestBlackboxNamesEveryCall(t *testing.T) {
	body, err := os.ReadFile("../docs/blackbox.md")
	if err != nil {
		t.Fatal(err)
	}
	calls := append(mentioned(t, "chat", `method\w+\s+= "([a-zA-Z.]+)"`), mentioned(t, "../deploy/infisical", `Path(?: =|:) +"(/api/[a-z0-9/-]*[a-z0-9])`)...)
	if len(calls) < 17 {
		t.Fatalf("only %v were found: this test reads the code wrongly", calls)
	}
	for _, call := range calls {
		if !strings.Contains(string(body), "`"+strings.TrimSuffix(call, "/batch")+"`") {
			t.Errorf("docs/blackbox.md lacks %s", call)
		}
	}
}

// TestManifestFits holds texts to the lengths Slack takes.
func TestManifestFits(t *testing.T) {
	var m manifest
	unpacked(t, "slack-manifest.yaml", &m)
	fits := func(what, text string, most int) {
		t.Helper()
		if n := utf8.RuneCountInString(text); n == 0 || n > most {
			t.Errorf("%s has %d characters; Slack takes 1 to %d", what, n, most)
		}
	}
	fits("the name", m.Display.Name, 35)
	fits("the description", m.Display.Description, 140)
	fits("the bot's name", m.Features.Bot.Name, 80)
	if !regexp.MustCompile(`^[a-z0-9._-]+$`).MatchString(m.Features.Bot.Name) {
		t.Errorf("the bot's name %q has characters that Slack refuses", m.Features.Bot.Name)
	}
	if !regexp.MustCompile(`^#[0-9a-f]{6}$`).MatchString(m.Display.Background) {
		t.Errorf("background %q is no colour", m.Display.Background)
	}
	for _, c := range m.Features.Commands {
		fits(c.Command, c.Command, 32)
		fits(c.Command+"'s description", c.Description, 2000)
		fits(c.Command+"'s hint", c.Hint, 1000)
	}
}

// container is what we use of https://docs.docker.com/reference/compose-file/services/.
type container struct {
	Image, User, Restart string
	Build                struct{ Context, Dockerfile string }
	Command              []string
	After                map[string]struct{ Condition string } `yaml:"depends_on"`
	Health               healthcheck                           `yaml:"healthcheck"`
	Grace                time.Duration                         `yaml:"stop_grace_period"`
	ReadOnly             bool                                  `yaml:"read_only"`
	Tmpfs                []string
	Drop                 []string `yaml:"cap_drop"`
	Security             []string `yaml:"security_opt"`
	Networks, Secrets    []string
	Volumes              []struct {
		Type, Source, Target string
		ReadOnly             bool `yaml:"read_only"`
	}
}

type healthcheck struct {
	Test          []string
	Interval      time.Duration
	Timeout       time.Duration
	StartPeriod   time.Duration `yaml:"start_period"`
	StartInterval time.Duration `yaml:"start_interval"`
}

// composition is a Compose file. It has no key for published ports: one would
// fail to decode.
type composition struct {
	Name     string
	Services map[string]container
	Networks map[string]struct{ Internal bool }
	Volumes  map[string]struct{}
	Secrets  map[string]struct{ File string }
}

// exampleIn writes the example and a secret for each file it names into a
// folder, and returns the configuration's path and the names.
func exampleIn(t *testing.T, dir string) (path string, names []string) {
	t.Helper()
	body := packed(t, "rekey.example.yaml")
	for _, m := range regexp.MustCompile(`_file: /run/secrets/([a-z-]+)`).FindAllSubmatch(body, -1) {
		names = append(names, string(m[1]))
		if err := os.WriteFile(filepath.Join(dir, string(m[1])), []byte(strings.Repeat("k", 40)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path = filepath.Join(dir, "rekey.yaml")
	body = bytes.ReplaceAll(body, []byte("_file: /run/secrets/"), []byte("_file: "+dir+"/"))
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return path, slices.Compact(names)
}

// TestExampleConfiguration: what people copy is right, and reads what Compose
// mounts, no more and no less.
func TestExampleConfiguration(t *testing.T) {
	path, names := exampleIn(t, t.TempDir())
	code, out, problem := ran(t, variables{}, "check", "--config", path)
	if code != exitDone || problem != "" {
		t.Fatalf("check ended with %d: %s", code, problem)
	}
	if _, worth, found := strings.Cut(out, "Worth knowing:"); found {
		t.Errorf("a careful reader would ask about:%s", worth)
	}
	var c composition
	unpacked(t, "compose.yaml", &c)
	if diff := cmp.Diff(names, slices.Sorted(slices.Values(c.Services["rekey"].Secrets))); diff != "" {
		t.Errorf("secrets (-the example reads +Compose mounts):\n%s", diff)
	}
	loaded, err := config.Load(path, variables{}.lookup)
	if err != nil {
		t.Fatal(err)
	}
	if grace := c.Services["rekey"].Grace; grace <= loaded.Engine.Shutdown {
		t.Errorf("the bot may take %s to end and is killed after %s", loaded.Engine.Shutdown, grace)
	}
	host, _, _ := net.SplitHostPort(loaded.Redis.Address)
	if _, there := c.Services[host]; !there {
		t.Errorf("redis.address is at %q, which is no service of compose.yaml", host)
	}
}

// TestCompositionIsClosed: what runs may change nothing but its own data.
func TestCompositionIsClosed(t *testing.T) {
	var c composition
	unpacked(t, "compose.yaml", &c)
	for name, s := range c.Services {
		if !s.ReadOnly || len(s.Tmpfs) == 0 || !slices.Equal(s.Drop, []string{"ALL"}) || !slices.Contains(s.Security, "no-new-privileges:true") {
			t.Errorf("%s could be closed further: %+v", name, s)
		}
		for _, used := range s.Secrets {
			if _, defined := c.Secrets[used]; !defined {
				t.Errorf("%s uses the secret %s, which is not defined", name, used)
			}
		}
		for _, v := range s.Volumes {
			if v.Type == "bind" && !v.ReadOnly {
				t.Errorf("%s may write to %s", name, v.Source)
			}
		}
	}
	r := c.Services["redis"]
	if len(r.Networks) != 1 || !c.Networks[r.Networks[0]].Internal {
		t.Errorf("Redis is on %v, which others may reach", r.Networks)
	}
	if r.User == "" {
		t.Error("Redis begins as root, which it cannot stop being without capabilities")
	}
	if strings.Contains(strings.Join(r.Command, " "), "requirepass") {
		t.Error("the password of Redis stands among its arguments, where others may read it")
	}
}

// TestComposedRedisIsAccepted starts Redis with the very arguments of
// compose.yaml and asks it what the bot asks at its start.
func TestComposedRedisIsAccepted(t *testing.T) {
	var c composition
	unpacked(t, "compose.yaml", &c)
	const password = "Zq7Rw2Xk9Lm4Tn8V"
	address, auth := composedRedis(t, c.Services["redis"].Command, password)
	healthy(t, c.Services["redis"].Health.Test, address, auth)
	if after := c.Services["rekey"].After["redis"]; after.Condition != "service_healthy" {
		t.Errorf("the bot does not wait until Redis answers: %+v", after)
	}
	open := func(word string) (*redis.Store, error) {
		return redis.Open(t.Context(), redis.Config{Addr: address, Password: redis.NewPassword(word), Installation: "acme"})
	}
	if _, err := open(""); err == nil {
		t.Error("Redis lets in whoever comes")
	}
	store, err := open(password)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	for _, f := range store.Check(t.Context()) {
		t.Errorf("the bot would refuse to start: %s", f.Problem)
	}
}

// composedRedis starts a command of compose.yaml on this machine: only where
// it listens, keeps its data and finds its password is ours.
func composedRedis(t *testing.T, command []string, password string) (address, auth string) {
	t.Helper()
	if _, err := exec.LookPath(command[0]); err != nil {
		if os.Getenv("REKEY_REQUIRE_TOOLS") == "1" {
			t.Fatalf("%s is not installed, and REKEY_REQUIRE_TOOLS=1 asks for it", command[0])
		}
		t.Skipf("%s is not installed: whether the bot accepts the composed one is not tested", command[0])
	}
	dir := t.TempDir()
	auth = filepath.Join(dir, "auth")
	if err := os.WriteFile(auth, []byte("requirepass "+password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address = l.Addr().String()
	_ = l.Close()
	_, port, _ := net.SplitHostPort(address)
	args := slices.Clone(command[1:])
	if args[0] != "/run/secrets/redis-auth" {
		t.Fatalf("the first argument of Redis is %q, not the file with its password", args[0])
	}
	args[0] = auth
	args = append(args, "--bind", "127.0.0.1", "--port", port, "--dir", dir)
	started(t, exec.CommandContext(t.Context(), command[0], args...), "Ready to accept connections")
	return address, auth
}

// healthy runs the check of compose.yaml against a Redis, once with its
// password and once with another.
func healthy(t *testing.T, test []string, address, auth string) {
	t.Helper()
	if len(test) != 2 || test[0] != "CMD-SHELL" {
		t.Fatalf("the check of Redis is %q", test)
	}
	_, port, _ := net.SplitHostPort(address)
	check := func(auth string) error {
		text := strings.NewReplacer("$$", "$", "/run/secrets/redis-auth", auth, "redis-cli", "redis-cli -p "+port).Replace(test[1])
		return exec.CommandContext(t.Context(), "sh", "-c", text).Run()
	}
	if err := check(auth); err != nil {
		t.Errorf("a Redis that answers does not count as healthy: %v", err)
	}
	wrong := filepath.Join(t.TempDir(), "auth")
	if err := os.WriteFile(wrong, []byte("requirepass another\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if check(wrong) == nil {
		t.Error("a Redis that lets nobody in counts as healthy")
	}
}

// started starts a program that the end of the test kills, and returns when a
// line of its output says that it is ready.
func started(t *testing.T, program *exec.Cmd, ready string) {
	t.Helper()
	output, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Process.Kill(); _ = program.Wait() })
	last := ""
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if last = lines.Text(); strings.Contains(last, ready) {
			return
		}
	}
	t.Fatalf("%s ended before it was ready: %s", program.Path, last)
}

// TestOneBuildCommand: the image holds what the tests of a change build and
// start, down to the flags.
func TestOneBuildCommand(t *testing.T) {
	form := regexp.MustCompile(`go build ([^\n]*?)-o \S+ (\./\S+)`)
	commands := map[string]string{}
	for name, path := range map[string]string{"Dockerfile": filepath.Join(packaging, "Dockerfile"), "Makefile": "../Makefile", ".ci/run": "../.ci/run"} {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m := form.FindSubmatch(body)
		if m == nil {
			t.Fatalf("%s builds nothing", name)
		}
		commands[name] = string(m[1]) + string(m[2])
	}
	if commands["Dockerfile"] != commands[".ci/run"] || commands["Makefile"] != commands[".ci/run"] {
		t.Errorf("built differently: %v", commands)
	}
}

// TestDockerfile: the image is the release, runs as nobody in particular, and
// starts what Compose mounts a configuration for.
func TestDockerfile(t *testing.T) {
	text := strings.ReplaceAll(string(packed(t, "Dockerfile")), "\\\n", " ")
	stages := strings.Split(text, "\nFROM ")
	last := stages[len(stages)-1]
	module, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindSubmatch(module)[1]
	for what, pattern := range map[string]string{
		"it is not built with the Go of go.mod": `golang:` + regexp.QuoteMeta(string(version)) + ` AS build`,
		"it does not build the release":         `CGO_ENABLED=0 .*go build .*-tags release .*\./bot`,
		"it tells the builder's paths":          `go build .*-trimpath`,
	} {
		if !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("%s: nothing looks like %s", what, pattern)
		}
	}
	for what, pattern := range map[string]string{
		"a shell may be in it":     `^scratch\n`,
		"it trusts nobody":         `COPY --from=build /etc/ssl/certs/ca-certificates.crt `,
		"it runs as root":          `(?m)^USER [1-9]\d*:[1-9]\d*$`,
		"it does not start rekey":  `(?m)^ENTRYPOINT \["/usr/bin/rekey"\]$`,
		"it does not start to run": `(?m)^CMD \["serve", "--config", "/etc/rekey/rekey.yaml"\]$`,
	} {
		if !regexp.MustCompile(pattern).MatchString(last) {
			t.Errorf("%s: nothing in the last stage looks like %s", what, pattern)
		}
	}
	var c composition
	unpacked(t, "compose.yaml", &c)
	if v := c.Services["rekey"].Volumes; len(v) != 1 || v[0].Target != "/etc/rekey/rekey.yaml" {
		t.Errorf("compose.yaml mounts %+v", v)
	}
}
