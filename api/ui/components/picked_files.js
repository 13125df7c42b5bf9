/**
 * Files that a person dropped or chose, with the folders they came in.
 * @module components/picked_files
 */

const PICTURES = new Set(('jpg jpeg jpe jfif pjpeg mpo png bmp dib jp2 j2k jpc j2c jpx jpf webp tif tiff gif pgm ppm pnm pbm heic heif avif').split(' '));
const ARCHIVE = /\.(zip|tar|tgz|tar\.(gz|bz2|xz)|tbz2?|txz)$/i;

/**
 * @typedef {object} Picked
 * @property {[string, File][]} files relative path and file
 * @property {number} leftOut files that are neither pictures nor the one archive
 * @property {number} bytes
 * @property {string} name suggested name of the data set
 * @property {boolean} archive
 */

/** @returns {Promise<Picked>} of a drop */
export async function dropped(transfer) {
  // Entries must be taken before the first await: the transfer is emptied then.
  const entries = [];
  const files = [];
  for (const item of transfer.items) {
    const entry = item.webkitGetAsEntry?.();
    const file = entry ? null : item.getAsFile();
    if (entry) entries.push(entry);
    else if (file) files.push([file.name, file]);
  }
  for (const entry of entries) await walk(entry, '', files);
  return picked(files);
}

/** @returns {Picked} of an `<input type="file">` */
export const chosen = (list) => picked([...list].map((file) => [file.webkitRelativePath || file.name, file]));

async function walk(entry, folder, files) {
  if (entry.name.startsWith('.')) return;
  const path = folder + entry.name;
  if (entry.isFile) {
    files.push([path, await new Promise((resolve, reject) => entry.file(resolve, reject))]);
    return;
  }
  const reader = entry.createReader();
  for (;;) { // a reader gives about a hundred at a time
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const child of some) await walk(child, `${path}/`, files);
  }
}

function picked(all) {
  const shown = all.filter(([path]) => !path.split('/').some((part) => part.startsWith('.')));
  const archives = shown.filter(([path]) => ARCHIVE.test(path));
  const pictures = shown.filter(([path, file]) => file.type.startsWith('image/') || PICTURES.has(extension(path)) || !/\./.test(file.name));
  const files = pictures.length || archives.length !== 1 ? pictures : archives;
  return {
    files,
    leftOut: all.length - files.length,
    bytes: files.reduce((sum, [, file]) => sum + file.size, 0),
    name: nameOf(files),
    archive: files === archives,
  };
}

function nameOf(files) {
  if (!files.length) return '';
  const [path] = files[0];
  const top = path.includes('/') ? path.split('/')[0] : '';
  if (top && files.every(([one]) => one.startsWith(`${top}/`))) return top;
  return files.length === 1 ? path.replace(ARCHIVE, '').replace(/\.[^.]*$/, '') : 'pictures';
}

const extension = (path) => (/\.([^./]+)$/.exec(path)?.[1] ?? '').toLowerCase();
