package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// Finding is something about the server that endangers what is stored, or
// that could not be found out.
type Finding struct {
	Name     string // which check: FindingEviction, FindingAppendOnly or FindingRole
	Problem  string // a sentence for people
	Readable bool   // false: the server does not tell; a person has to know
}

// The names of findings.
const (
	FindingEviction   = "eviction"
	FindingAppendOnly = "append-only"
	FindingRole       = "role"
)

// rule is one check: a field of INFO, the configuration parameter that says
// the same, the value it must have, and what is wrong with any other.
type rule struct {
	name, field, parameter, want, config, problem string
}

var rules = []rule{
	{
		name: FindingEviction, field: "maxmemory_policy", parameter: "maxmemory-policy", want: "noeviction", config: "noeviction",
		problem: "when its memory is full this Redis throws data away to make room (maxmemory-policy %s); it must be noeviction",
	},
	{
		name: FindingAppendOnly, field: "aof_enabled", parameter: "appendonly", want: "1", config: "yes",
		problem: "this Redis keeps no append-only file (appendonly %s); what was committed would be gone after a crash",
	},
	{
		name: FindingRole, field: "role", want: "master",
		problem: "this Redis is a replica (role %s); it refuses writes or loses them",
	},
}

// Check looks at the settings the store relies on
// (https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/,
// https://redis.io/docs/latest/develop/reference/eviction/) and returns what
// is wrong or unknown; nothing found is an empty list. Managed services often
// refuse INFO or CONFIG: whether their word is trusted is for the caller, who
// sees Readable false.
func (s *Store) Check(ctx context.Context) []Finding {
	info, err := s.info(ctx)
	var findings []Finding
	for _, r := range rules {
		if f, bad := s.apply(ctx, r, info, err); bad {
			findings = append(findings, f)
		}
	}
	return findings
}

// Look connects, checks as [Store.Check] does, and goes away. It writes nothing,
// not even the layout of a new database. names lists everything that was
// checked. An error says that the server could not be asked at all.
func Look(ctx context.Context, cfg Config) (names []string, found []Finding, err error) {
	if err := cfg.check(); err != nil {
		return nil, nil, fmt.Errorf("looking at Redis: %w", err)
	}
	cfg = cfg.withDefaults()
	quiet.Do(logging.Disable)
	s := &Store{client: goredis.NewClient(cfg.options()), cfg: cfg, log: cfg.Log}
	defer func() { _ = s.client.Close() }()
	if err := s.client.Ping(ctx).Err(); err != nil {
		return nil, nil, fmt.Errorf("looking at Redis at %s: %w", cfg.Addr, err)
	}
	for _, r := range rules {
		names = append(names, r.name)
	}
	return names, s.Check(ctx), nil
}

func (s *Store) apply(ctx context.Context, r rule, info map[string]string, err error) (Finding, bool) {
	got, ok := info[r.field]
	want := r.want
	if !ok && r.parameter != "" {
		got, err = s.parameter(ctx, r.parameter)
		ok, want = err == nil, r.config
	}
	if !ok {
		return Finding{Name: r.name, Problem: "cannot be read: " + reason(err)}, true
	}
	return Finding{Name: r.name, Problem: fmt.Sprintf(r.problem, got), Readable: true}, got != want
}

func reason(err error) string {
	if err == nil {
		return "the server does not report it"
	}
	return err.Error()
}

// info returns the fields of INFO.
func (s *Store) info(ctx context.Context) (map[string]string, error) {
	text, err := s.client.Info(ctx).Result()
	if err != nil {
		return nil, err
	}
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields, nil
}

func (s *Store) parameter(ctx context.Context, name string) (string, error) {
	got, err := s.client.ConfigGet(ctx, name).Result()
	if err != nil {
		return "", err
	}
	value, ok := got[name]
	if !ok {
		return "", errors.New("the server does not report it")
	}
	return value, nil
}
