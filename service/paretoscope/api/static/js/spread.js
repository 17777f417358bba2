// Marks that would lie on each other are moved apart, each with a line back to where it belongs.

const ROUNDS = 120;
const GOLDEN_RAD = Math.PI * (3 - Math.sqrt(5));

/** [{x, y}] -> [{x, y, moved}] at least about `apart` from each other and inside `box`
 *  {left, right, top, bottom}; the same input gives the same places. */
export function spread(places, apart, box) {
  const now = places.map(({ x, y }, k) => {
    const crowded = places.some((other, n) => n !== k && Math.hypot(other.x - x, other.y - y) < apart / 2);
    const nudge = crowded ? 1.5 : 0; // points in one place need a direction to leave in
    return { x: x + nudge * Math.cos(k * GOLDEN_RAD), y: y + nudge * Math.sin(k * GOLDEN_RAD) };
  });
  const clear = now.map((_, k) => places.every((other, n) => n === k || Math.hypot(other.x - places[k].x, other.y - places[k].y) >= apart));
  for (let round = 0; round < ROUNDS; round += 1) {
    let still = true;
    for (let a = 0; a < now.length; a += 1) {
      for (let b = a + 1; b < now.length; b += 1) {
        const [dx, dy] = [now[b].x - now[a].x, now[b].y - now[a].y];
        const distance = Math.hypot(dx, dy) || 0.01;
        if (distance >= apart) continue;
        still = false;
        const push = (apart - distance) / 2 / distance;
        const [ofA, ofB] = clear[a] === clear[b] ? [1, 1] : clear[a] ? [0, 2] : [2, 0]; // lone marks stay
        now[a].x -= ofA * push * dx; now[a].y -= ofA * push * dy;
        now[b].x += ofB * push * dx; now[b].y += ofB * push * dy;
      }
    }
    for (const one of now) {
      one.x = Math.min(box.right, Math.max(box.left, one.x));
      one.y = Math.min(box.bottom, Math.max(box.top, one.y));
    }
    if (still) break;
  }
  return now.map(({ x, y }, k) => ({ x, y, moved: Math.hypot(x - places[k].x, y - places[k].y) > 2 }));
}
