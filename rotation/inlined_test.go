package rotation

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"rekey/deploy"
	"rekey/internal/secret"
)

func TestInlined(t *testing.T) {
	for name, want := range map[string]bool{
		"NEXT_PUBLIC_HELIUS_RPC_URL": true, "VITE_RPC": true, "FAL_KEY": false, "MY_NEXT_PUBLIC_KEY": false,
	} {
		if got := (Secret{Variables: []string{"A", name}}).Inlined(); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// bundled answers for the scripts of a page.
type bundled struct{ deploy.Attester }

func (b bundled) Attest(ctx context.Context, name string, fresh, stale secret.Value) (deploy.Testimony, error) {
	t, err := b.Attester.Attest(ctx, name, fresh, stale)
	t.Kind, t.Instances, t.Deployment = deploy.ByBundle, nil, ""
	return t, err
}

// TestBundleCertificate: what gave the certificate is in the record and in the
// thread, and a deployment that does not name itself keeps the platform's name.
func TestBundleCertificate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.configure = func(s *Subject) {
			for env, stage := range s.Stages {
				stage.Attester = bundled{stage.Attester}
				s.Stages[env] = stage
			}
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Succeeded)
		g.invariants(r)
		if p := r.Proofs[Production]; p.Kind != "bundle" {
			t.Errorf("certificate %+v", p)
		}
		told := false
		for _, ev := range g.journal(r.Key()) {
			told = told || strings.Contains(ev.Text, "its page's scripts hold it")
		}
		if !told {
			t.Error("the thread does not say what was looked at")
		}
	})
}
