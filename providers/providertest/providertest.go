// Package providertest holds adapters to the contract of package providers.
//
// # The model
//
// An adapter's test builds a [World]: the adapter pointed at a local server
// that behaves as its vendor documents, with a [Faults] in front of it. [Run]
// opens a fresh world for each check, so a check may leave it in any state.
// The checks see only the contract: traits agree with methods, an issued
// credential lives and dies as it should, every fault of the wire becomes the
// right class, and no value shows in anything that came back.
//
// Only tests import it.
package providertest

import (
	"context"
	"testing"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// Subject is the adapter under test.
type Subject struct {
	// Open builds a fresh world and cleans up after itself with t.Cleanup.
	Open func(t testing.TB) World
	// Label is what test credentials are called; empty is a label in the form
	// that rotations use.
	Label string
	// Profiles are what the adapter tells of its kinds before a survey. The one
	// that the survey finds must be among them.
	Profiles []providers.Profile
}

// World is an adapter with a service of its own.
type World struct {
	Provider providers.Provider
	// Current are values that live at the service, by environment.
	Current map[string]providers.Values
	// Unknown has the form of this kind, but the service never issued it (or
	// issued it to somebody else).
	Unknown providers.Values
	// Malformed have not the form of this kind.
	Malformed []providers.Values
	// Secrets returns every value the service has issued by now, and whatever
	// else must not show: the admin credential above all.
	Secrets func() []secret.Value
	// ByHand makes a credential in the service's console as a person does who
	// was guided there for the environment, and returns its values. It is set
	// where the kind has a Guide.
	ByHand func(environment, label string) providers.Values
	// Faults stands in front of the service.
	Faults *Faults
}

// check is one sentence of the contract. It takes a [testing.TB] so that the
// checks themselves can be checked.
type check struct {
	name string
	run  func(t testing.TB, s Subject)
}

func checks() []check {
	return []check{
		{"traits agree with methods", traitsAgree},
		{"the profile is the kind's", profiled},
		{"traits hold what people and watches need", traitsUsable},
		{"identify knows what survey was shown", identify},
		{"survey asks about what it does not know", surveyAsks},
		{"an issued credential is found, lives and dies", life},
		{"ending takes an explicit id", endExplicit},
		{"a disabled credential comes back", disable},
		{"every fault has its class", faults},
		{"a probe under a fault never says alive", probeFaults},
		{"a lost answer to issuing is lost, and happened once", lostIssue},
		{"what a person hands over is taken or told", inspected},
		{"issuing that kills is read back and recalled", replaces},
		{"a lost answer to ending may be repeated", lostEnd},
		{"an audit tells how far it may be believed", audits},
		{"material of our own is taken, activated and trusted", signingLife},
		{"a lost answer to an import is told by the id", lostImport},
		{"a cancelled call says so", cancelled},
	}
}

// Run holds the subject to every check.
func Run(t *testing.T, s Subject) {
	if s.Label == "" {
		s.Label = "rk_test_all_r1_1"
	}
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) { c.run(t, s) })
	}
}

// open opens a world and surveys it.
func open(t testing.TB, s Subject) (World, providers.Kind) {
	t.Helper()
	w := s.Open(t)
	w.Faults.repeat = w.Secrets
	kind, err := w.Provider.Survey(t.Context(), w.Current)
	if err != nil {
		t.Fatalf("surveying a healthy world: %v", err)
	}
	return w, kind
}

// capability of a kind, or an end to the check: that it is missing where it
// must not be is another check's finding.
func capability[T any](t testing.TB, kind providers.Kind) T {
	t.Helper()
	c, ok := kind.(T)
	if !ok {
		t.Skipf("%T has no such method", kind)
	}
	return c
}

// classified fails unless err is a failure that says what was being done.
func classified(t testing.TB, what string, err error) *fault.Error {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return &fault.Error{}
	}
	if f := fault.Of(err); f != nil && f.Op != "" && f.Reason != "" && f.Reason != fault.Unexplained {
		return f
	}
	t.Errorf("%s: %T is not a classified failure with operation and reason", what, err)
	return &fault.Error{}
}

// find returns the credentials in the service's list that satisfy the test.
func find(t testing.TB, kind providers.Kind, is func(providers.Credential) bool) []providers.Credential {
	t.Helper()
	all, err := capability[providers.Lister](t, kind).List(t.Context())
	if err != nil {
		t.Fatalf("listing in a healthy world: %v", err)
	}
	var found []providers.Credential
	for _, c := range all {
		if is(c) {
			found = append(found, c)
		}
	}
	return found
}

func hasID(id providers.ID) func(providers.Credential) bool {
	return func(c providers.Credential) bool { return c.ID == id }
}

func hasLabel(label string) func(providers.Credential) bool {
	return func(c providers.Credential) bool { return c.Label == label }
}

// issue makes a credential in a healthy world, by hand where the service has
// no other way.
func issue(t testing.TB, w World, kind providers.Kind, label string) providers.Credential {
	t.Helper()
	if guide, ok := kind.(providers.Guide); ok && w.issuer(kind) == nil {
		e := w.errand(label)
		found, err := guide.Inspect(t.Context(), e, w.ByHand(e.Environment, label))
		if err != nil || found.Wrong != "" || found.Wait {
			t.Fatalf("inspecting what was made by hand: %+v, %v", found, err)
		}
		return found.Credential
	}
	issue := w.issuer(kind)
	if issue == nil {
		t.Skipf("%T has no way to issue", kind)
	}
	c, err := issue(t.Context(), label)
	if err != nil {
		t.Fatalf("issuing in a healthy world: %v", err)
	}
	return c
}

// issuer is how the kind makes credentials, for the first environment where it
// must be told; nil where people make them.
func (w World) issuer(kind providers.Kind) func(context.Context, string) (providers.Credential, error) {
	if p, ok := kind.(providers.PlacedIssuer); ok {
		return func(ctx context.Context, label string) (providers.Credential, error) {
			return p.IssueIn(ctx, w.errand(label).Environment, label)
		}
	}
	if i, ok := kind.(providers.Issuer); ok {
		return i.Issue
	}
	return nil
}

// lives fails unless a probe finds what is wanted.
func lives(t testing.TB, what string, kind providers.Kind, v providers.Values, want providers.Liveness) {
	t.Helper()
	got, err := capability[providers.Prober](t, kind).Probe(t.Context(), v)
	if err != nil || got.Liveness != want || got.Answer == "" {
		t.Errorf("%s: probe found %+v, %v; want %s and an answer", what, got, err, want)
	}
}

// expiring is a context whose time runs out when the channel closes, instead
// of after some time.
type expiring struct {
	context.Context
	expired <-chan struct{}
}

func (e expiring) Done() <-chan struct{} { return e.expired }

func (e expiring) Err() error {
	select {
	case <-e.expired:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
