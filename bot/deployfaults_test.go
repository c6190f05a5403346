//go:build !release

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/wire"
)

// TestDeployFails: a deployment that fails stops the rotation where it is, in
// either environment, and a retry asks for another one.
func TestDeployFails(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	s.world.Target.Misbehave(sandbox.Staging, app.Mischief{Crash: 1})
	s.world.Target.Misbehave(sandbox.Production, app.Mischief{FailBuild: true})
	s.rotate("FAL_KEY")
	s.stops(1, "the application is failing", "the deployment failed", "did not become ready", "Production was not touched")
	s.halted(2, 1)
	s.retries()
	s.stops(2, "the deployment failed: building: exit status 1", "Old key still valid. Nothing was revoked. Rekey wrote the new key to every environment.")
	s.halted(2, 2)
	s.retries()
	s.approved()
	s.rotated(map[sandbox.Kind]int{sandbox.DeployStaging: 2, sandbox.DeployProduction: 2})
}

// TestDeployTargetSpeaksTheKey: what the platform says of a failed build holds
// the new key. People read the words around it.
func TestDeployTargetSpeaksTheKey(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	s.world.Target.Faults.Inject("speaks", wire.Fault{Match: wire.Match{Method: http.MethodGet, Path: "/deployments/*"}, Do: func(turn wire.Turn) {
		held, _ := s.world.Infisical.Read(s.world.Place(sandbox.Staging), app.FalKey)
		wire.JSON(turn.W, http.StatusOK, map[string]string{"status": "failed", "detail": "env FAL_KEY=" + held.Value + " is refused by the linter", "deployment": held.Value[:36]})
	}})
	s.rotate("FAL_KEY")
	s.stops(1, "the deployment failed", "env FAL_KEY=[secret] is refused by the linter", "Production was not touched")
	s.halted(2, 1)
}

// TestDeployLies: the platform calls a deployment a success although one
// instance still runs on the old value. The application's own word decides.
// Once a colleague's deployment has replaced the last instance, the proof is
// given and the rotation goes on, where the policy leaves the turn to people.
func TestDeployLies(t *testing.T) {
	t.Parallel()
	s := openCalm(t, "prove_for", "1s", "quorum", "1, rollback: { prove: false }")
	s.world.Target.Misbehave(sandbox.Production, app.Mischief{Crash: 3})
	s.world.Target.Faults.Inject("lies", wire.Fault{Match: wire.Match{Method: http.MethodGet, Path: "/deployments/*"}, Do: func(t wire.Turn) {
		told := httptest.NewRecorder()
		t.Next.ServeHTTP(told, t.R)
		wire.Answer(told.Code, nil, strings.Replace(told.Body.String(), `"failed"`, `"succeeded"`, 1))(t)
	}})
	s.rotate("FAL_KEY")
	s.stops(1, "the proof was not given", "for the old one", "Old key still valid. Nothing was revoked.")
	s.halted(2, 2)
	if held := s.world.Production.Holdings(app.FalKey); len(held) != 3 || held[0].Value == held[2].Value {
		t.Fatalf("the story is not the one meant: %d instances", len(held))
	}
	id, err := s.world.Target.Deploy(sandbox.Production)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := s.world.Target.Wait(s.ctx, id); err != nil || d.Phase != app.Succeeded {
		t.Fatalf("the colleague's deployment: %+v, %v", d, err)
	}
	s.retries()
	s.approved()
	s.rotated(nil)
}

// TestDeployChangesNothing: the new build still has the old value. The rotation
// turns around by itself.
func TestDeployChangesNothing(t *testing.T) {
	t.Parallel()
	s := openCalm(t, "prove_for", "1s")
	s.world.Target.Misbehave(sandbox.Staging, app.Mischief{Stale: true})
	s.rotate("FAL_KEY")
	s.shows(s.says("the proof was not given"), "0 answers for the value in the vault", "Production was not changed")
	s.wentBackIn(sandbox.Staging)
}

// TestLostDeployAnswers: the trigger is sent again under the same id, and the
// platform deploys once.
func TestLostDeployAnswers(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	trigger := func(environment string) wire.Match {
		return wire.Match{Method: http.MethodPost, Path: "/deploy", When: func(q wire.Request) bool {
			return strings.Contains(string(q.Body), `"environment":"`+environment+`"`)
		}}
	}
	s.world.Target.Faults.Inject("cut", wire.Fault{Match: trigger(sandbox.Staging), Limit: 1, Do: wire.Lose()})
	s.world.Target.Faults.Inject("500", wire.Fault{Match: trigger(sandbox.Production), Limit: 1, Do: instead(status(http.StatusInternalServerError))})
	s.world.Target.Faults.Inject("html", wire.Fault{Match: trigger(sandbox.Production), Limit: 1, Do: instead(wire.HTML())})
	s.rotate("FAL_KEY")
	s.approved()
	s.rotated(nil)
	ids := map[string]int{}
	for _, q := range requests(s.world.Target.Requests, http.MethodPost, "/deploy") {
		ids[q.Header.Get("Idempotency-Key")]++
	}
	if len(ids) != 2 {
		t.Errorf("triggers by id: %v, want two ids", ids)
	}
}

// TestDeployNeverEnds: after the deadline its state counts as unknown.
func TestDeployNeverEnds(t *testing.T) {
	t.Parallel()
	s := openCalm(t, "deploy_deadline", "700ms")
	forever := make(chan struct{})
	defer close(forever)
	s.world.Target.Misbehave(sandbox.Staging, app.Mischief{Hold: forever})
	s.rotate("FAL_KEY")
	s.stops(1, "the proof was not given", "its state is running", "Production was not touched")
	s.halted(2, 1)
}
