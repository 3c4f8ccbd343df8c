<?php

/**
 * Compares the files of an installed package with its list, and its platforms with those that the package looks for.
 * For packaging/check/composer.sh.
 *
 *     php composer_files.php FOLDER
 */

declare(strict_types=1);

$folder = $argv[1] . '/';
$list = json_decode(file_get_contents($folder . 'files.json'), true);
$files = [];
foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($folder, FilesystemIterator::SKIP_DOTS)) as $file) {
    $files[substr($file->getPathname(), strlen($folder))] = hash_file('sha256', $file->getPathname());
}
unset($files['files.json']);
ksort($files, SORT_STRING);
ksort($list['files'], SORT_STRING);
if ($files !== $list['files']) {
    exit("files.json does not have what is installed\n" . print_r(array_diff_assoc($files, $list['files']), true));
}
require $folder . 'autoload.php';
$names = array_map('basename', glob($folder . 'lib/*'));
if ($names === [] || array_diff($names, FlexPay\Internal\Platform::NAMES) !== []) {
    exit('lib has folders that nothing looks for: ' . implode(' ', $names) . "\n");
}
echo count($files), ' files as listed, platforms: ', implode(' ', $names), "\n";
