import assert from "node:assert/strict";
import { beforeEach, it, mock } from "node:test";

import { Throttle } from "../../../dashboards/static/dashboards/js/shell/throttle.js";

let frames, now, throttle;

const frame = () => frames.shift()?.();
const wait = (ms) => {
  now += ms;
  mock.timers.tick(ms);
};

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
  now = 1_000;
  mock.method(performance, "now", () => now);
  frames = [];
  throttle = new Throttle(100, (run) => frames.push(run));
});

it("draws in the next frame after a lull, each once", () => {
  const [one, other] = [mock.fn(), mock.fn()];
  for (let i = 0; i < 3; i++) throttle.request(one);
  throttle.request(other);
  assert.equal(frames.length, 1);
  frame();
  assert.equal(one.mock.callCount(), 1);
  assert.equal(other.mock.callCount(), 1);
});

it("lets the pause pass before it draws again", () => {
  const draw = mock.fn();
  throttle.request(draw);
  frame();
  wait(40);
  throttle.request(draw);
  assert.equal(frames.length, 0);
  wait(60);
  frame();
  assert.equal(draw.mock.callCount(), 2);
});

it("draws nothing while no frame comes, as in a hidden tab, and then once", () => {
  const draw = mock.fn();
  for (let i = 0; i < 100; i++) {
    throttle.request(draw);
    wait(50);
  }
  assert.equal(frames.length, 1);
  frame();
  assert.equal(draw.mock.callCount(), 1);
});

it("leaves what is requested while it draws to the next round", () => {
  const again = mock.fn(() => throttle.request(again));
  throttle.request(again);
  frame();
  assert.equal(again.mock.callCount(), 1);
  wait(100);
  frame();
  assert.equal(again.mock.callCount(), 2);
});
