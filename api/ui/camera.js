/**
 * The camera of this device: opening it, saying why it does not open, and single frames of it.
 * @module camera
 */

/** Width to height of the frame that is judged: a portrait of 35 by 45 mm. */
export const ASPECT = 35 / 45;

const REASONS = {
  NotAllowedError: 'The camera is not allowed for this page. Allow it in the address bar of the browser, then try again.',
  NotFoundError: 'This device has no camera that the browser can see.',
  NotReadableError: 'The camera is in use by another program, or it does not answer.',
  OverconstrainedError: 'The camera has no picture of the size that is needed.',
  AbortError: 'The camera did not start.',
};

/** Why the page cannot use a camera, in a sentence; empty when it may. */
export function cameraHindrance() {
  if (!window.isSecureContext) {
    return `The browser gives the camera to secure pages only: open this page as https, or on the machine itself as http://localhost. This is ${location.origin}.`;
  }
  return navigator.mediaDevices?.getUserMedia ? '' : 'This browser has no access to cameras.';
}

/**
 * Open a camera.
 * @param {'user' | 'environment'} facing the camera on the screen's side of a tablet, or the one on its back
 * @returns {Promise<MediaStream>} rejects with an Error whose message can be shown
 */
export async function openCamera(facing) {
  const hindrance = cameraHindrance();
  if (hindrance) throw new Error(hindrance);
  try {
    return await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { facingMode: facing, width: { ideal: 1920 }, height: { ideal: 1080 } },
    });
  } catch (error) {
    throw new Error(REASONS[error.name] ?? `The camera did not start: ${error.message || error.name}`);
  }
}

/** The part of a video that is judged: the largest upright portrait in its middle, in px of the video. */
export function portraitArea(video) {
  const height = Math.min(video.videoHeight, video.videoWidth / ASPECT);
  const width = height * ASPECT;
  return { x: (video.videoWidth - width) / 2, y: (video.videoHeight - height) / 2, width, height };
}

/**
 * The judged part of the current frame as a JPEG file, in the resolution of the camera.
 * @param {HTMLVideoElement} video
 * @param {HTMLCanvasElement} canvas is drawn on
 * @returns {Promise<Blob>}
 */
export function frame(video, canvas) {
  const area = portraitArea(video);
  canvas.width = Math.round(area.width);
  canvas.height = Math.round(area.height);
  canvas.getContext('2d').drawImage(video, area.x, area.y, area.width, area.height, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('The frame could not be taken.'))), 'image/jpeg', 0.92);
  });
}
