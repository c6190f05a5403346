package rotation

import (
	"slices"
	"time"
)

// Heard is a deployment whose instances answered for the new credential while a
// watch was under way.
type Heard struct {
	Deployment string    `json:"deployment"`
	Until      time.Time `json:"until"` // when it answered last
}

// maxHeard bounds how many deployments a watch remembers.
const maxHeard = 32

// follow notes which deployment answered for the new credential and reports
// whether it is a newer one, to which the watch moves. One that was heard
// before is still, or again, in use: instances are being replaced, or somebody
// went back. The watch does not follow it to and fro.
func (v *Vigil) follow(deployment string, now time.Time) (moved bool) {
	if deployment == "" {
		return false
	}
	at := slices.IndexFunc(v.Heard, func(h Heard) bool { return h.Deployment == deployment })
	if at >= 0 {
		v.Heard[at].Until = now
		return false
	}
	if n := len(v.Heard) - maxHeard + 1; n > 0 {
		v.Heard = slices.Delete(v.Heard, 0, n)
	}
	v.Heard = append(v.Heard, Heard{deployment, now})
	moved = deployment != v.Scope
	v.Scope = deployment
	return moved
}

// scopes are the deployment that a measurement is about and those beside it:
// whatever answered for the new credential since the measurement's range began
// belongs to it. What happened on instances that were replaced meanwhile would
// otherwise be nobody's.
func (v *Vigil) scopes(heard string, from time.Time) (scope string, beside []string) {
	scope = v.Scope
	if heard != "" && !v.knows(heard) {
		scope = heard
	}
	for _, h := range v.Heard {
		if h.Deployment != scope && (h.Deployment == heard || !h.Until.Before(from)) {
			beside = append(beside, h.Deployment)
		}
	}
	return scope, beside
}

func (v *Vigil) knows(deployment string) bool {
	return deployment == v.Scope || slices.ContainsFunc(v.Heard, func(h Heard) bool { return h.Deployment == deployment })
}
