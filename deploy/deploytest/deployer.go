package deploytest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

// DeployerBed is a deployer under test, and a target it deploys to.
type DeployerBed struct {
	Deployer    deploy.Deployer
	Restarted   func() deploy.Deployer // the same configuration in another process
	Environment string
	Secrets     []secret.Value // what the deployer holds: its own credentials

	// Started is how many deployments the target has started.
	Started func() int
	// Become makes the target answer so for every deployment; Unknown is an
	// answer that the contract does not know.
	Become func(deploy.Phase)
	// LoseAnswer makes the target carry out the next trigger and not answer.
	LoseAnswer func()
	// Speak makes the target say words in every place of its answers where it
	// has words of its own, about a deployment that failed.
	Speak func(words string)
	// Leave stops the target.
	Leave func()
	// Sent is everything the deployer has sent so far, its credentials left out.
	Sent func() string
}

// Deployer checks that an implementation keeps the contract of
// [deploy.Deployer]. open makes a fresh bed for each check; it may register
// clean-ups.
func Deployer(t *testing.T, open func(t *testing.T) DeployerBed) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, DeployerBed){
		"the same id deploys once":                    sameID,
		"another id deploys again":                    otherID,
		"a deployment is followed through its phases": phases,
		"a stored handle is followed by another one":  handedOver,
		"a lost answer is lost and can be sent again": lostAnswer,
		"an answer nobody knows is unknown":           unknownAnswer,
		"a target that is gone decides nothing":       goneTarget,
		"a request without an id is refused unsent":   withoutID,
		"a call without time deploys nothing":         deployWithoutTime,
		"no result, error or request shows a secret":  deploySilently,
		"a target that speaks a key is not repeated":  speakingTarget,
	} {
		t.Run(name, func(t *testing.T) { check(t, open(t)) })
	}
}

func (b DeployerBed) request(id string) deploy.Request {
	return deploy.Request{
		ID: id, Environment: b.Environment, Reason: "rotation of FAL_KEY",
		Secrets: []string{"FAL_KEY"}, RequestedBy: "U0123", Attempt: 1,
	}
}

func (b DeployerBed) trigger(t *testing.T, d deploy.Deployer, id string) deploy.Handle {
	t.Helper()
	h, err := d.Trigger(t.Context(), b.request(id))
	if err != nil {
		t.Fatalf("triggering %s: %v", id, err)
	}
	if h.ID != id {
		t.Fatalf("the handle of %s names %q", id, h.ID)
	}
	return h
}

func (b DeployerBed) started(t *testing.T, want int) {
	t.Helper()
	if got := b.Started(); got != want {
		t.Errorf("%d deployments were started, want %d", got, want)
	}
}

// is checks what a deployment's state is said to be.
func (b DeployerBed) is(t *testing.T, d deploy.Deployer, h deploy.Handle, want deploy.Phase) {
	t.Helper()
	got, err := d.Status(t.Context(), h)
	if err != nil || got.Phase != want {
		t.Errorf("the target says %s, the deployer %q (%v)", want, got.Phase, err)
	}
}

func sameID(t *testing.T, b DeployerBed) {
	first := b.trigger(t, b.Deployer, "rot-1")
	again := b.trigger(t, b.Deployer, "rot-1")
	elsewhere := b.trigger(t, b.Restarted(), "rot-1")
	b.started(t, 1)
	if diff := cmp.Diff([]deploy.Handle{first, first}, []deploy.Handle{again, elsewhere}); diff != "" {
		t.Errorf("handles of one deployment differ (-first +later):\n%s", diff)
	}
}

func otherID(t *testing.T, b DeployerBed) {
	first, second := b.trigger(t, b.Deployer, "rot-1"), b.trigger(t, b.Deployer, "rot-2")
	b.started(t, 2)
	if first.StatusURL != "" && first.StatusURL == second.StatusURL {
		t.Errorf("two deployments are followed at one address")
	}
}

func phases(t *testing.T, b DeployerBed) {
	h := b.trigger(t, b.Deployer, "rot-1")
	for _, phase := range []deploy.Phase{deploy.Queued, deploy.Running, deploy.Live, deploy.Failed, deploy.Cancelled} {
		b.Become(phase)
		b.is(t, b.Deployer, h, phase)
	}
	b.started(t, 1)
}

func handedOver(t *testing.T, b DeployerBed) {
	body, err := json.Marshal(b.trigger(t, b.Deployer, "rot-1"))
	if err != nil {
		t.Fatal(err)
	}
	var h deploy.Handle
	if err := json.Unmarshal(body, &h); err != nil {
		t.Fatal(err)
	}
	other := b.Restarted()
	b.Become(deploy.Live)
	b.is(t, other, h, deploy.Live)
	b.started(t, 1)
}

func lostAnswer(t *testing.T, b DeployerBed) {
	b.LoseAnswer()
	if h, err := b.Deployer.Trigger(t.Context(), b.request("rot-1")); fault.Of(err) == nil || fault.Of(err).Class != fault.Lost {
		t.Fatalf("a lost answer came back as %+v, %v", h, err)
	}
	b.started(t, 1)
	h := b.trigger(t, b.Restarted(), "rot-1")
	b.started(t, 1)
	b.Become(deploy.Live)
	b.is(t, b.Restarted(), h, deploy.Live)
}

func unknownAnswer(t *testing.T, b DeployerBed) {
	h := b.trigger(t, b.Deployer, "rot-1")
	b.Become(deploy.Unknown)
	b.is(t, b.Deployer, h, deploy.Unknown)
}

// However often it is asked, silence makes a deployment neither live nor
// failed, and not even queued: that would be waited for.
func goneTarget(t *testing.T, b DeployerBed) {
	h := b.trigger(t, b.Deployer, "rot-1")
	b.Leave()
	for range 5 {
		got, err := b.Deployer.Status(t.Context(), h)
		if err == nil && got.Phase != deploy.Unknown {
			t.Errorf("a target that is gone says %q", got.Phase)
		}
		if err != nil && fault.Of(err).Class != fault.Again {
			t.Errorf("a target that is gone is not asked again: %v", err)
		}
	}
	if h, err := b.Deployer.Trigger(t.Context(), b.request("rot-2")); err == nil {
		t.Errorf("a target that is gone started %+v", h)
	}
}

func withoutID(t *testing.T, b DeployerBed) {
	if _, err := b.Deployer.Trigger(t.Context(), b.request("")); err == nil || fault.Of(err).Class != fault.Never {
		t.Errorf("a request that could not be sent twice: %v", err)
	}
	b.started(t, 0)
}

func deployWithoutTime(t *testing.T, b DeployerBed) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if h, err := b.Deployer.Trigger(ctx, b.request("rot-1")); err == nil {
		t.Errorf("deployed as %+v", h)
	}
	b.started(t, 0)
}

func deploySilently(t *testing.T, b DeployerBed) {
	h := b.trigger(t, b.Deployer, "rot-1")
	status, err := b.Deployer.Status(t.Context(), h)
	b.LoseAnswer()
	_, lost := b.Deployer.Trigger(t.Context(), b.request("rot-2"))
	b.Leave()
	_, gone := b.Deployer.Trigger(t.Context(), b.request("rot-3"))
	_, deaf := b.Deployer.Status(t.Context(), h)
	secrettest.NoLeak(t, b.Secrets, h, status, err, lost, gone, deaf, b.Sent())
}

// What a target says may hold a key. It is handed on as a quote, which prints
// nothing, and is still there for whoever can mask it.
func speakingTarget(t *testing.T, b DeployerBed) {
	h := b.trigger(t, b.Deployer, "rot-1")
	b.Speak("the key " + newer.Reveal() + " is refused")
	status, err := b.Deployer.Status(t.Context(), h)
	second, lost := b.Deployer.Trigger(t.Context(), b.request("rot-2"))
	secrettest.NoLeak(t, Spoken(), status, err, second, lost)
	if err != nil || status.Said.Masked(newer) != "the key [secret] is refused" {
		t.Errorf("the target's words came as %q (%v)", status.Said.Masked(newer), err)
	}
}
